// The records of a container directory as JSON.
#include "berth/runtime/shim.hpp"

#include <limits>

namespace berth::runtime {

namespace {

// Reads members one after the other and keeps the first error, so that a record is one list of its fields.
class Fields {
  public:
    Fields(const Json& json, std::string what) : reader_(json, std::move(what)) {}

    void text(std::string_view key, std::string& into, bool required = false) {
        keep(required ? optional(reader_.required_string(key)) : reader_.string(key), into);
    }
    void flag(std::string_view key, bool& into) { keep(reader_.boolean(key), into); }
    void texts(std::string_view key, std::vector<std::string>& into) { keep(reader_.strings(key), into); }
    template <class Number>
    void number(std::string_view key, Number& into) {
        std::int64_t value = 0;
        keep(optional(reader_.required_integer(key)), value);
        if (!std::in_range<Number>(value) && !error_)
            error_ =
                Error(ErrorCode::invalid, fmt::format("{}: {} is out of range", reader_.path_of(key), value));
        into = static_cast<Number>(value);
    }
    void time(std::string_view key, Time& into) {
        std::string value;
        text(key, value, true);
        if (!error_) keep(optional(parse_rfc3339(value)), into);
    }
    void fail_with(Error error) {
        if (!error_) error_ = std::move(error);
    }
    template <class T>
    Result<T> result(T value) {
        if (error_) return fail(std::move(*error_));
        return value;
    }
    const JsonReader& reader() const { return reader_; }

  private:
    template <class T>
    static Result<std::optional<T>> optional(Result<T> value) {
        if (!value) return fail(std::move(value.error()));
        return std::optional(std::move(*value));
    }
    template <class T>
    void keep(Result<std::optional<T>> value, T& into) {
        if (!value)
            fail_with(std::move(value.error()));
        else if (*value)
            into = std::move(**value);
    }
    JsonReader reader_;
    std::optional<Error> error_;
};

} // namespace

Json to_json(const ShimConfig& config) {
    Json json = {{"id", config.id.str()},
                 {"log_segment_bytes", config.log_segment_bytes},
                 {"log_segments", config.log_segments},
                 {"terminal", config.terminal}};
    if (!config.rootfs.store.empty())
        json["rootfs"] = {{"store", config.rootfs.store},
                          {"lower", config.rootfs.lower},
                          {"upper", config.rootfs.upper},
                          {"work", config.rootfs.work}};
    if (!config.shim_cgroup.empty()) json["shim_cgroup"] = config.shim_cgroup;
    return json;
}

Result<ShimConfig> shim_config_from_json(const Json& json) {
    ShimConfig config;
    Fields fields(json, "shim.json");
    std::string id;
    fields.text("id", id, true);
    config.id = ContainerId(id);
    fields.number("log_segment_bytes", config.log_segment_bytes);
    fields.number("log_segments", config.log_segments);
    fields.flag("terminal", config.terminal);
    fields.text("shim_cgroup", config.shim_cgroup);
    const auto rootfs = fields.reader().object("rootfs");
    if (!rootfs) return fail(rootfs.error());
    if (*rootfs != nullptr) {
        Fields root(**rootfs, "shim.json: rootfs");
        root.text("store", config.rootfs.store, true);
        root.texts("lower", config.rootfs.lower);
        root.text("upper", config.rootfs.upper);
        root.text("work", config.rootfs.work);
        if (auto read = root.result(0); !read) return fail(std::move(read.error()));
    }
    return fields.result(std::move(config));
}

Json to_json(const StatusRecord& record) {
    return {{"pid", record.pid},
            {"pid_start_ticks", record.pid_start_ticks},
            {"shim_pid", record.shim_pid},
            {"shim_start_ticks", record.shim_start_ticks},
            {"boot_id", record.boot_id},
            {"cgroup", record.cgroup},
            {"started_at", to_rfc3339(record.started_at)}};
}

Result<StatusRecord> status_record_from_json(const Json& json) {
    StatusRecord record;
    Fields fields(json, "status");
    fields.number("pid", record.pid);
    fields.number("pid_start_ticks", record.pid_start_ticks);
    fields.number("shim_pid", record.shim_pid);
    fields.number("shim_start_ticks", record.shim_start_ticks);
    fields.text("boot_id", record.boot_id, true);
    fields.text("cgroup", record.cgroup);
    fields.time("started_at", record.started_at);
    return fields.result(std::move(record));
}

Json to_json(const ExitRecord& record) {
    return {{"exit_code", record.exit_code},
            {"signal", record.signal},
            {"oom_killed", record.oom_killed},
            {"finished_at", to_rfc3339(record.finished_at)},
            {"peak_memory_bytes", record.peak_memory_bytes}};
}

Result<ExitRecord> exit_record_from_json(const Json& json) {
    ExitRecord record;
    Fields fields(json, "exit");
    fields.number("exit_code", record.exit_code);
    fields.number("signal", record.signal);
    fields.flag("oom_killed", record.oom_killed);
    fields.time("finished_at", record.finished_at);
    fields.number("peak_memory_bytes", record.peak_memory_bytes);
    return fields.result(record);
}

} // namespace berth::runtime
