// Starting the endpoint and the client.
#include "tests/integration/cluster/endpoint.hpp"

#include "berth/base/encoding.hpp"

#include <csignal>
#include <cstdlib>
#include <sstream>

namespace berth::test {
namespace {

std::string program() {
    const char* path = std::getenv("BERTH_CLUSTER");
    if (!path) throw std::runtime_error("BERTH_CLUSTER does not name the program under test");
    return path;
}

// Debian's own, whatever else is installed.
std::string client() { return fs::exists("/usr/bin/aws") ? "/usr/bin/aws" : "aws"; }

} // namespace

EndpointTest::EndpointTest() : directory(fs::temp_directory_path() / ("cluster-test-" + random_hex(12))) {
    fs::create_directories(directory);
}

EndpointTest::~EndpointTest() {
    if (HasFailure() && server) std::fprintf(stderr, "--- berth-cluster\n%s---\n", server->errors().c_str());
    server.reset();
    (void)remove_tree(directory);
}

void EndpointTest::start(const std::string& listen) {
    std::vector<std::string> arguments{program(),     "--listen", listen, "--state", directory / "state.db",
                                       "--log-level", "debug"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    server = std::make_unique<Child>(
        arguments, std::map<std::string, std::string>{{"AWS_ACCESS_KEY_ID", keys.access_key_id},
                                                      {"AWS_SECRET_ACCESS_KEY", keys.secret_access_key}});
    const auto line = loop.run(server->first_line(soon()));
    ASSERT_TRUE(line.starts_with("ready http://127.0.0.1:")) << line;
    url = line.substr(6);
}

Outcome EndpointTest::end(int signal) {
    server->signal(signal);
    auto outcome = loop.run(server->wait(soon()));
    server.reset();
    return outcome;
}

Outcome EndpointTest::run_program(std::vector<std::string> arguments,
                                  std::map<std::string, std::string> environment) {
    arguments.insert(arguments.begin(), program());
    Child child(arguments, environment);
    return loop.run(child.wait(soon()));
}

Outcome EndpointTest::aws(const std::string& words, const std::string& last) {
    std::vector<std::string> arguments{client(), "--endpoint-url", url, "--output", "json", "--color", "off"};
    std::istringstream split(words);
    for (std::string word; split >> word;) arguments.push_back(word);
    if (!last.empty()) arguments.push_back(last);
    Child child(arguments, {{"AWS_ACCESS_KEY_ID", keys.access_key_id},
                            {"AWS_SECRET_ACCESS_KEY", keys.secret_access_key},
                            {"AWS_DEFAULT_REGION", region},
                            {"AWS_CONFIG_FILE", "/dev/null"},
                            {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"},
                            {"AWS_EC2_METADATA_DISABLED", "true"},
                            {"AWS_MAX_ATTEMPTS", "1"},
                            {"AWS_PAGER", ""},
                            {"LC_ALL", "C.UTF-8"},
                            {"HOME", directory}});
    return loop.run(child.wait(soon()));
}

Json EndpointTest::answer(const std::string& words, const std::string& last) {
    const auto outcome = aws(words, last);
    EXPECT_EQ(outcome.code, 0) << "aws " << words << ": " << outcome.err;
    if (outcome.out.empty()) return Json::object();
    auto json = parse_json(outcome.out);
    EXPECT_TRUE(json) << outcome.out;
    return json.value_or(Json::object());
}

std::unique_ptr<FakeAgent> EndpointTest::new_agent() { return std::make_unique<FakeAgent>(loop, url, keys); }

void EndpointTest::join(FakeAgent& agent, Json attributes) {
    loop.run(agent.join("default", std::move(attributes)));
}

} // namespace berth::test
