// Real registries and real images.
#include "tests/integration/images/registry.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <stdexcept>

namespace berth::images::test {

namespace {

void must(bool done, const char* what) {
    if (!done) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

void write(const fs::path& path, std::string_view text, mode_t mode = 0644) {
    const auto done = write_file_atomic(path, text, mode, false);
    if (!done) throw std::runtime_error(done.error().message());
    must(::chmod(path.c_str(), mode) == 0, "chmod");
}

void directory(const fs::path& path, mode_t mode = 0755) {
    must(::mkdir(path.c_str(), mode) == 0 && ::chmod(path.c_str(), mode) == 0, "mkdir");
}

void set_time(const fs::path& path, time_t seconds, long nanoseconds) {
    const timespec times[2] = {{.tv_sec = seconds, .tv_nsec = nanoseconds},
                               {.tv_sec = seconds, .tv_nsec = nanoseconds}};
    must(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, "utimensat");
}

std::string noise(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t state = 12345;
    for (auto& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<char>(state >> 24);
    }
    return bytes;
}

} // namespace

Registry::Registry(const fs::path& storage, const fs::path& work, const std::string& more)
    : storage_(storage) {
    const auto config = work / fmt::format("registry-{}.yml", std::hash<std::string>()(more));
    write(config, fmt::format("version: 0.1\n"
                              "log:\n  accesslog:\n    disabled: true\n"
                              "storage:\n  filesystem:\n    rootdirectory: {}\n"
                              "http:\n  addr: 127.0.0.1:0\n{}",
                              storage.string(), more));
    process_ =
        std::make_unique<Process>(std::vector<std::string>{"docker-registry", "serve", config.string()});
    const std::string mark = "listening on ";
    for (auto line = process_->read_line();; line = process_->read_line()) {
        const auto at = line.find(mark);
        if (at == std::string::npos) continue;
        host_ = line.substr(at + mark.size(),
                            line.find_first_not_of("0123456789.:", at + mark.size()) - at - mark.size());
        while (host_.ends_with(',')) host_.pop_back();
        break;
    }
    process_->drain();
}

fs::path Registry::blob_file(const std::string& digest) const {
    const auto hex = digest.substr(7);
    return storage_ / "docker/registry/v2/blobs/sha256" / hex.substr(0, 2) / hex / "data";
}

void make_source_tree(const fs::path& root) {
    directory(root);
    for (const auto* name : {"etc", "bin", "usr", "usr/lib", "srv", "empty"}) directory(root / name);
    directory(root / "tmp", 01777);
    directory(root / "private", 0700);
    write(root / "etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    write(root / "etc/shadow", "secret", 0640);
    must(::chown((root / "etc/shadow").c_str(), 0, 42) == 0, "chown");
    write(root / "bin/su", noise(10'000), 04755);
    write(root / "bin/wall", "x", 02755);
    must(::chown((root / "private").c_str(), 1000, 100'000) == 0, "chown");
    must(::symlink("usr/lib", (root / "lib").c_str()) == 0, "symlink");
    must(::symlink("/etc/passwd", (root / "etc/link").c_str()) == 0, "symlink");
    must(::symlink("nowhere", (root / "dangling").c_str()) == 0, "symlink");
    must(::lchown((root / "dangling").c_str(), 5, 6) == 0, "lchown");
    must(::link((root / "bin/su").c_str(), (root / "usr/su").c_str()) == 0, "link");
    must(::mkfifo((root / "srv/pipe").c_str(), 0620) == 0, "mkfifo");
    must(::mknod((root / "srv/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0, "mknod");
    must(::mknod((root / "srv/disk").c_str(), S_IFBLK | 0660, makedev(259, 70'000)) == 0, "mknod");
    write(root / "usr/lib/big", noise(3'000'000));
    write(root / "usr/lib/zeros", std::string(2'000'000, '\0'));
    must(::truncate((root / "usr/lib/zeros").c_str(), 20'000'000) == 0, "truncate");
    write(root / "usr/lib" / std::string(200, 'l'), "long");
    fs::path deep = root / "usr";
    for (int i = 0; i < 12; ++i) directory(deep /= std::string(30, static_cast<char>('a' + i)));
    write(deep / "bottom", "deep");
    write(root / "srv/tab\tand space and ünï", "odd name");
    write(root / "etc/capable", "x", 0755);
    const char capability[] = "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0"; // with its final NUL: 20 bytes
    must(::setxattr((root / "etc/capable").c_str(), "security.capability", capability, 20, 0) == 0,
         "setxattr");
    must(::setxattr((root / "etc/passwd").c_str(), "user.note", "a\0b", 3, 0) == 0, "setxattr");
    must(::setxattr((root / "empty").c_str(), "user.dir", "d", 1, 0) == 0, "setxattr");
    set_time(root / "etc/passwd", 1'234'567'890, 123'456'789);
    set_time(root / "dangling", 1'000'000'000, 0);
    set_time(root / "usr/lib", 1'111'111'111, 500'000'000);
    set_time(root / "empty", 0, 1);
}

void change_source_tree(const fs::path& root) {
    fs::remove(root / "etc/shadow");
    fs::remove_all(root / "empty");
    fs::remove_all(root / "private");
    write(root / "private", "now a file");
    fs::remove(root / "srv/pipe");
    directory(root / "srv/pipe", 0750);
    write(root / "srv/pipe/inside", "new");
    fs::remove_all(root / "usr/lib");
    directory(root / "usr/lib");
    write(root / "usr/lib/only", "what was here is gone");
    write(root / "etc/passwd", "changed\n");
    fs::remove(root / "lib");
    must(::symlink("/usr/lib", (root / "lib").c_str()) == 0, "symlink");
    must(::chmod((root / "bin/wall").c_str(), 0700) == 0, "chmod");
}

fs::path push_images(const Registry& registry, const fs::path& tree, const fs::path& work) {
    const auto layout = (work / "layout").string();
    const auto push = [&](const std::string& from, const std::string& name,
                          std::vector<std::string> options = {}) {
        std::vector<std::string> command = {"skopeo", "--insecure-policy", "copy", "--quiet",
                                            "--dest-tls-verify=false"};
        command.insert(command.end(), options.begin(), options.end());
        command.insert(command.end(), {from, "docker://" + registry.host() + "/" + name});
        run(command);
    };
    run({"umoci", "init", "--layout", layout});
    for (const std::string format : {"pax", "gnu"}) {
        const auto tar = (work / (format + ".tar")).string(), image = layout + ":" + format;
        std::vector<std::string> command = {"tar", "--format=" + format, "--sparse", "--numeric-owner",
                                            "-C",  tree.string(),        "-cf",      tar};
        if (format == "pax") command.insert(command.end(), {"--xattrs", "--xattrs-include=*"});
        command.push_back(".");
        run(command);
        run({"umoci", "new", "--image", image});
        run({"umoci", "raw", "add-layer", "--image", image, tar});
        push("oci:" + image, "tree:" + format);
    }
    run({"umoci", "config", "--image", layout + ":pax", "--config.cmd", "/bin/su", "--config.env", "A=b c",
         "--config.user", "app"});
    push("oci:" + layout + ":pax", "tree:pax");
    push("oci:" + layout + ":pax", "tree:docker", {"--format", "v2s2"});
    const auto plain = "dir:" + (work / "plain").string();
    run({"skopeo", "--insecure-policy", "copy", "--quiet", "--dest-decompress", "oci:" + layout + ":pax",
         plain});
    push(plain, "tree:zstd", {"--format", "oci", "--dest-compress-format", "zstd"});

    const auto bundle = work / "bundle";
    run({"umoci", "unpack", "--image", layout + ":pax", bundle.string()});
    change_source_tree(bundle / "rootfs");
    run({"umoci", "repack", "--image", layout + ":changed", bundle.string()});
    push("oci:" + layout + ":changed", "changed:1");
    return bundle / "rootfs";
}

} // namespace berth::images::test
