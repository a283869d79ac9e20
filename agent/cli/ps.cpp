// berth ps: tasks and containers in one table.
#include "agent/cli/introspection_client.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace berth::cli {

namespace {

std::string text(const Json& object, const char* key) {
    return JsonReader(object).string(key).value_or(std::nullopt).value_or("");
}

std::string ports(const Json& container) {
    std::string list;
    const auto bindings = JsonReader(container).array("Ports");
    if (!bindings || *bindings == nullptr) return list;
    for (const auto& port : **bindings) {
        const JsonReader reader(port);
        const auto host = reader.integer("HostPort").value_or(0).value_or(0),
                   inside = reader.integer("ContainerPort").value_or(0).value_or(0);
        list += fmt::format("{}{}->{}/{}", list.empty() ? "" : " ", host, inside, text(port, "Protocol"));
    }
    return list;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
        while (line.ends_with(' ')) line.pop_back();
        fmt::print("{}\n", line);
    }
}

} // namespace

int ps(const PsOptions& options) {
    const auto tasks = fetch_tasks(options.agent);
    if (!tasks) return complain(tasks.error().message());
    Json shown = Json::array();
    for (const auto& task : *tasks)
        if (options.all || text(task, "KnownStatus") != "STOPPED") shown.push_back(task);
    if (options.json) {
        fmt::print("{}\n", dump_json(shown));
        return 0;
    }
    std::vector<std::vector<std::string>> rows{
        {"TASK", "FAMILY", "STATUS", "CONTAINER", "ID", "IMAGE", "PORTS"}};
    for (const auto& task : shown) {
        const auto arn = text(task, "Arn");
        const auto containers = JsonReader(task).array("Containers");
        if (!containers || *containers == nullptr) continue;
        for (const auto& container : **containers)
            rows.push_back({arn.substr(arn.rfind('/') + 1),
                            text(task, "Family") + ":" + text(task, "Version"), text(task, "KnownStatus"),
                            text(container, "Name"), text(container, "DockerId").substr(0, 12),
                            text(container, "Image"), ports(container)});
    }
    print_table(rows);
    return 0;
}

int complain(const std::string& message) {
    fmt::print(stderr, "berth: {}\n", message);
    return 1;
}

} // namespace berth::cli
