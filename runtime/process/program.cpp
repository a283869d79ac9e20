// Finding the program in PATH and executing it.
#include "runtime/process/program.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace berth::runtime {

namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const std::string* find_variable(const std::vector<std::string>& env, std::string_view name) {
    const auto found = std::ranges::find_if(env, [&](const std::string& entry) {
        return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
    });
    return found == env.end() ? nullptr : &*found;
}

// The text up to the separator, which is taken off with it.
std::string_view cut(std::string_view& text, char separator) {
    const auto end = std::min(text.find(separator), text.size());
    const auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

// Sixth field of the user's line in the image's /etc/passwd. The file is the image's: it may be a pipe, or
// huge.
std::string home_of(uid_t uid) {
    const auto file = open_file("/etc/passwd", O_RDONLY | O_NONBLOCK);
    struct stat status = {};
    if (!file || ::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return "/";
    const auto text = read_fd(file->get(), "/etc/passwd", std::size_t{1} << 20);
    if (!text) return "/";
    const auto wanted = std::to_string(uid);
    for (std::string_view rest = *text; !rest.empty();) {
        auto line = cut(rest, '\n');
        cut(line, ':'); // name
        cut(line, ':'); // password
        if (cut(line, ':') != wanted) continue;
        cut(line, ':'); // group
        cut(line, ':'); // comment
        const auto home = cut(line, ':');
        return home.empty() ? "/" : std::string(home);
    }
    return "/";
}

// 0 when it is a file that this user may execute.
int cannot_execute(const std::string& path) {
    struct stat status = {};
    if (::stat(path.c_str(), &status) != 0) return errno;
    if (S_ISDIR(status.st_mode)) return EISDIR;
    return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

} // namespace

Result<Program> find_program(const Process& process) {
    Program program{.path = process.args[0], .args = process.args, .env = process.env};
    if (find_variable(program.env, "HOME") == nullptr) program.env.push_back("HOME=" + home_of(process.uid));
    if (program.path.contains('/')) {
        if (const int error = cannot_execute(program.path); error != 0)
            return fail_errno(error, "executing \"{}\"", program.path);
        return program;
    }
    const auto* variable = find_variable(program.env, "PATH");
    std::string_view directories = variable != nullptr ? std::string_view(*variable).substr(5) : kDefaultPath;
    int denied = 0;
    while (!directories.empty()) {
        const auto directory = cut(directories, ':');
        auto path = fmt::format("{}/{}", directory.empty() ? "." : directory, process.args[0]);
        const int error = cannot_execute(path);
        if (error == 0) {
            program.path = std::move(path);
            return program;
        }
        if (error == EACCES) denied = error;
    }
    if (denied != 0) return fail_errno(denied, "executing \"{}\"", process.args[0]);
    return fail_errno(ENOENT, "executing \"{}\": executable file not found in $PATH", process.args[0]);
}

Status execute(const Program& program) {
    const auto pointers = [](const std::vector<std::string>& strings) {
        std::vector<char*> result;
        for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str())); // only read
        result.push_back(nullptr);
        return result;
    };
    const auto args = pointers(program.args), env = pointers(program.env);
    ::execve(program.path.c_str(), args.data(), env.data());
    return fail_errno(errno, "executing \"{}\"", program.path);
}

} // namespace berth::runtime
