// The way of the container's process: into its namespaces, its root, its user, and to the program.
#include "runtime/process/child.hpp"

#include "runtime/mounts/in_root.hpp"
#include "runtime/mounts/mounts.hpp"
#include "runtime/process/channel.hpp"
#include "runtime/process/hooks.hpp"
#include "runtime/process/identity.hpp"
#include "runtime/process/program.hpp"
#include "runtime/security/lsm.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace berth::runtime {

namespace {

class Child {
  public:
    Child(LaunchPlan& plan, int channel) : plan_(plan), spec_(plan.spec), channel_(channel) {}

    // Returns only with the reason why the program does not run.
    Status run() {
        if (auto isolated = isolate(); !isolated) return isolated;
        if (auto built = build_root(); !built) return built;
        if (auto entered = enter(); !entered) return entered;
        auto program = become_user();
        if (!program) return std::unexpected(std::move(program.error()));
        if (auto started = wait_for_start(); !started) return started;
        return go(*program);
    }
    // Where failures are told: the creator, later whoever asked for the start.
    int listener() const { return starter_ ? starter_.get() : channel_; }

  private:
    Status isolate();
    Status fork_again();
    Status join_groups();
    Status build_root();
    Status run_create_hooks();
    Status enter();
    Result<Program> become_user();
    Status wait_for_start();
    Status go(const Program& program);
    Json state(std::string_view status) const {
        return state_json(spec_, plan_.options.id, status, host_pid_, plan_.options.bundle.string());
    }

    LaunchPlan& plan_;
    Spec& spec_;
    int channel_;
    int host_pid_ = 0;
    UniqueFd root_, terminal_, starter_;
    LsmLabel label_;
};

// Each thread that writes 0 into "tasks" moves itself, and only that is cheap: any other move makes the
// kernel wait for a grace period, some milliseconds. The group on v2 is the one we were born in.
Status Child::join_groups() {
    for (const auto& tasks : plan_.task_files)
        if (::write(tasks.get(), "0", 1) < 0)
            return fail_errno(errno, "moving the container's process into its cgroup {}", plan_.cgroup_path);
    if (const auto& score = spec_.process.oom_score_adj)
        if (auto set = write_control_file("/proc/self/oom_score_adj", std::to_string(*score)); !set)
            return fail(std::move(set.error()), "process.oomScoreAdj (lowering it needs CAP_SYS_RESOURCE)");
    return {};
}

// A pid namespace below the joined user namespace: only a child of ours can be in it. It takes our place as a
// child of the creator.
Status Child::fork_again() {
    const auto cloned = clone_process(CLONE_NEWPID | CLONE_PARENT, -1);
    if (!cloned) return std::unexpected(cloned.error());
    if (cloned->pid == 0) return {};
    const bool told = send(channel_, Message{.tell = Tell::process, .value = cloned->pid}).has_value();
    ::_exit(told ? 0 : 1);
}

Status Child::isolate() {
    const auto& namespaces = plan_.namespaces;
    if (auto joined = join_groups(); !joined) return joined;
    if (namespaces.new_user) {
        if (auto mapped = expect(channel_, Tell::mapped); !mapped) return std::unexpected(mapped.error());
        if (auto root = become_namespace_root(); !root) return root;
    }
    if (auto entered = enter_namespaces(namespaces); !entered) return entered;
    if (namespaces.forks_for_pid)
        if (auto forked = fork_again(); !forked) return forked;
    if (namespaces.new_network)
        if (auto up = bring_up_loopback(); !up) return up;
    if (plan_.options.new_session && ::setsid() < 0) return fail_errno(errno, "making a session");
    if (plan_.options.new_keyring)
        if (auto keyring = new_keyring(); !keyring) return keyring;
    auto label = open_lsm(spec_.process);
    if (!label) return std::unexpected(std::move(label.error()));
    label_ = std::move(*label);
    return {};
}

Status Child::run_create_hooks() {
    const auto& hooks = spec_.hooks;
    if (hooks.prestart.empty() && hooks.create_runtime.empty() && hooks.create_container.empty() &&
        hooks.start_container.empty())
        return {};
    if (auto sent = send(channel_, Message{.tell = Tell::mounted}); !sent) return sent;
    const auto done = expect(channel_, Tell::hooks_done);
    if (!done) return std::unexpected(done.error());
    host_pid_ = done->value;
    return run_hooks(hooks.create_container, "createContainer", state("creating"));
}

Status Child::build_root() {
    ::umask(0); // modes below are meant as written
    auto root = mount_root(spec_, plan_.root, plan_.options.overlay);
    if (!root) return std::unexpected(std::move(root.error()));
    root_ = std::move(*root);
    if (plan_.namespaces.new_cgroup && ::unshare(CLONE_NEWCGROUP) != 0)
        return fail_errno(errno, "making a cgroup namespace");
    const MountContext context{
        .spec = spec_,
        .layout = plan_.layout,
        .cgroup_path = plan_.cgroup_path,
        .user_namespace = plan_.namespaces.new_user || plan_.namespaces.joins_user,
        .cgroup_namespace = spec_.find_namespace(CLONE_NEWCGROUP) != nullptr,
        .sources = plan_.sources,
        .root = root_.get(),
    };
    if (auto mounted = mount_entries(context); !mounted) return mounted;
    if (auto made = make_devices(context); !made) return made;
    if (spec_.process.terminal) {
        auto terminal = make_console(context, plan_.options.console_socket);
        if (!terminal) return std::unexpected(std::move(terminal.error()));
        terminal_ = std::move(*terminal);
    }
    if (auto finished = finish_dev(context); !finished) return finished;
    if (auto hooks = run_create_hooks(); !hooks) return hooks;
    if (auto cwd = make_in_root(root_.get(), spec_.process.cwd, Make::directory); !cwd)
        return fail(std::move(cwd.error()), "process.cwd");
    if (auto set = apply_sysctl(spec_); !set) return set;
    return mask_paths(context);
}

Status Child::enter() {
    if (auto entered = enter_root(spec_, root_.get(), plan_.root, plan_.options.pivot_root); !entered)
        return entered;
    root_.reset();
    const auto& hostname = spec_.hostname;
    if (!hostname.empty() && ::sethostname(hostname.data(), hostname.size()) != 0)
        return fail_errno(errno, "hostname: setting \"{}\"", hostname);
    const auto& domainname = spec_.domainname;
    if (!domainname.empty() && ::setdomainname(domainname.data(), domainname.size()) != 0)
        return fail_errno(errno, "domainname: setting \"{}\"", domainname);
    return set_rlimits(spec_.process.rlimits);
}

Result<Program> Child::become_user() {
    const auto& process = spec_.process;
    const auto stdio = terminal_ ? set_terminal(terminal_.get(), process) : set_stdio(plan_.options.stdio);
    if (!stdio) return std::unexpected(stdio.error());
    if (!terminal_)
        if (auto owned = own_stdio(process); !owned) return std::unexpected(std::move(owned.error()));
    const auto inside = enter_cwd(process.cwd);
    if (!inside) return std::unexpected(inside.error());
    if (process.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno(errno, "setting no_new_privs");
    ::umask(0022);
    const auto steps = [&]() -> Status {
        if (auto labelled = write_lsm(label_); !labelled) return labelled;
        if (auto prepared = prepare_capabilities(plan_.capabilities, plan_.last_capability); !prepared)
            return prepared;
        if (auto changed = change_user(process); !changed) return changed;
        return raise_ambient(plan_.capabilities);
    };
    if (auto done = steps(); !done) return std::unexpected(std::move(done.error()));
    if (!*inside) // only its user may enter it
        if (auto again = enter_cwd(process.cwd); !again || !*again)
            return again ? fail_errno(EACCES, "process.cwd: entering {}", process.cwd)
                         : fail(std::move(again.error()));
    if (auto cwd = check_cwd(process.cwd); !cwd) return std::unexpected(std::move(cwd.error()));
    return find_program(process);
}

Status Child::wait_for_start() {
    // While it waits, nobody in a shared pid namespace may look into it or take its descriptors.
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno(errno, "clearing the dumpable flag");
    if (auto sent = send(channel_, Message{.tell = Tell::ready}); !sent) return sent;
    if (!plan_.listener) {
        const auto start = expect(channel_, Tell::start);
        return start ? Status() : std::unexpected(start.error());
    }
    ::close(std::exchange(channel_, -1));
    for (;;) {
        starter_.reset(::accept4(plan_.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!starter_ && errno != EINTR && errno != ECONNABORTED)
            return fail_errno(errno, "waiting for the start");
        if (starter_ && expect(starter_.get(), Tell::start)) return {};
    }
}

Status Child::go(const Program& program) {
    if (auto hooks = run_hooks(spec_.hooks.start_container, "startContainer", state("created")); !hooks)
        return hooks;
    if (auto marked = close_on_exec(plan_.options.preserve_fds); !marked) return marked;
    // From here on only capset and execve, so that a profile need not allow more.
    if (!plan_.seccomp.program.empty())
        if (auto installed = install_seccomp(plan_.seccomp); !installed) return installed;
    if (auto applied = apply_capabilities(plan_.capabilities); !applied) return applied;
    return execute(program);
}

std::vector<int> needed_descriptors(const LaunchPlan& plan, int channel) {
    const auto& options = plan.options;
    std::vector<int> kept{channel,           plan.listener.get(), options.stdio.in,
                          options.stdio.out, options.stdio.err,   options.console_socket};
    for (const auto& joined : plan.namespaces.joined) kept.push_back(joined.fd);
    for (const auto& source : plan.sources) kept.push_back(source.get());
    for (const auto& tasks : plan.task_files) kept.push_back(tasks.get());
    for (unsigned i = 0; i < options.preserve_fds; ++i) kept.push_back(static_cast<int>(3 + i));
    return kept;
}

} // namespace

void run_container(LaunchPlan& plan, int channel) {
    Child child(plan, channel);
    auto result = reset_signals();
    // At once: a pipe of the creator's callers held open here would keep them waiting.
    if (result) result = close_all_but(needed_descriptors(plan, channel));
    if (result) result = child.run();
    std::ignore = send(child.listener(), failure(result.error()));
    ::_exit(1);
}

} // namespace berth::runtime
