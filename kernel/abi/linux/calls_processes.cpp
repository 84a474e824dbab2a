// Processes: clone(2), execve(2), exit(2), wait4(2), waitid(2), and who is who: getpid(2), setpgid(2), setsid(2).
#include <algorithm>

#include "abi/linux/handlers.hpp"
#include "abi/linux/usage.hpp"
#include "abi/support.hpp"
#include "task/clone.hpp"
#include "task/exec.hpp"
#include "task/exit.hpp"
#include "task/process_tree.hpp"
#include "task/wait.hpp"

namespace cv6::linux_abi {
namespace {

// The flags that ask for what is not offered are refused by clone() itself; these change nothing: I/O contexts and
// System V undo lists, of which there are none.
constexpr std::uint64_t clone_without_effect = clone_io;

Result<long> exec_file(Context& context, const At& at, Flags flags, UserPtr<std::uint64_t> arguments,
                       UserPtr<std::uint64_t> environment, std::string_view path) {
  const Caller caller = caller_of(context);
  const bool of_descriptor = flags.has(at_empty_path) && at.name.empty();
  Ref<File> program;
  if (of_descriptor && at.directory) {
    if (!at.directory->path()) return Error::acces;
    program = TRY(open_path(caller, at.directory->path(), open_flag::read | open_flag::execute));
  } else {
    const OpenFlags no_follow = flags.has(at_symlink_nofollow) ? open_flag::no_follow : 0;
    program = TRY(open_file(caller, at, {open_flag::read | open_flag::execute | no_follow, 0}));
  }
  // A quarter of what the stack may grow to (execve(2), "Limits on size of arguments and environment").
  const std::uint64_t quarter = context.process.limits[Resource::stack].soft / 4;
  ArgumentStrings strings(std::clamp<std::uint64_t>(quarter, 131072, 6_MiB));
  TRY(strings.add_user_arguments(arguments.address()));
  TRY(strings.add_user_environment(environment.address()));
  TRY(execute(context.thread, context.registers, std::move(program), path, std::move(strings)));
  return context.registers.result();
}

constexpr unsigned w_nohang = 1, w_untraced = 2, w_stopped = 2, w_exited = 4, w_continued = 8, w_nowait = 0x1000000,
                   w_nothread = 0x20000000, w_all = 0x40000000, w_clone = 0x80000000;

void set_kinds(WaitRequest& request, Flags options) {
  request.continued = options.has(w_continued);
  request.no_hang = options.has(w_nohang);
  request.clone_only = options.has(w_clone);
  request.any_kind = options.has(w_all);
}

// Which children: the numbers of wait4(2).
Result<WaitRequest> wait_request(int pid) {
  WaitRequest request;
  if (pid == INT32_MIN) return Error::srch;
  if (pid > 0) {
    request.which = WaitRequest::Which::process;
    request.number = pid;
  } else if (pid != -1) {
    request.which = WaitRequest::Which::group;
    request.number = -pid;
  }
  return request;
}

Result<WaitRequest> waitid_request(int kind, int number) {
  constexpr int p_all = 0, p_pid = 1, p_pgid = 2;
  WaitRequest request;
  request.number = number;
  switch (kind) {
    case p_all: request.which = WaitRequest::Which::any; return request;
    case p_pid:
      if (number <= 0) return Error::inval;
      request.which = WaitRequest::Which::process;
      return request;
    case p_pgid:
      if (number < 0) return Error::inval;
      request.which = WaitRequest::Which::group;
      return request;
    default: return Error::inval;  // P_PIDFD: not offered
  }
}

Siginfo child_info(const WaitOutcome& outcome) {
  Siginfo info{};
  if (outcome.process == 0) return info;
  info.si_signo = signal::child;
  switch (outcome.status.kind) {
    case WaitStatus::Kind::exited: info.si_code = signal_code::child_exited; break;
    case WaitStatus::Kind::killed:
      info.si_code = outcome.status.dumped_core ? signal_code::child_dumped : signal_code::child_killed;
      break;
    case WaitStatus::Kind::stopped: info.si_code = signal_code::child_stopped; break;
    case WaitStatus::Kind::continued: info.si_code = signal_code::child_continued; break;
  }
  info.child.pid = outcome.process;
  info.child.uid = outcome.user;
  info.child.status = outcome.status.kind == WaitStatus::Kind::continued ? signal::continue_ : outcome.status.code;
  return info;
}

}  // namespace

Result<long> sys_clone(Context& context, unsigned long flags, unsigned long stack, UserPtr<int> parent_tid,
                       UserPtr<int> child_tid, unsigned long tls) {
  // This call has 32 bits of flags; CLONE_PIDFD would share its result's place with CLONE_PARENT_SETTID.
  const std::uint64_t bits = static_cast<std::uint32_t>(flags);
  return clone(context.thread, {.flags = bits & ~(clone_exit_signal_mask | clone_without_effect),
                                .exit_signal = static_cast<int>(bits & clone_exit_signal_mask),
                                .stack = stack,
                                .parent_tid = parent_tid.address(),
                                .child_tid = child_tid.address(),
                                .thread_pointer = tls});
}

Result<long> sys_clone3(Context& context, UserPtr<CloneArgs> pointer, std::size_t size) {
  const CloneArgs arguments = TRY(read_extensible(pointer, size, clone_args_size_first));
  if (arguments.flags & (clone_exit_signal_mask | clone_detached)) return Error::inval;
  if (arguments.exit_signal > signal::last || arguments.set_tid || arguments.set_tid_size) return Error::inval;
  if ((arguments.flags & (clone_thread | clone_parent)) && arguments.exit_signal) return Error::inval;
  if ((arguments.stack == 0) != (arguments.stack_size == 0)) return Error::inval;
  if (!arch::is_user_range(arguments.stack, arguments.stack_size)) return Error::inval;
  return clone(context.thread, {.flags = arguments.flags & ~clone_without_effect,
                                .exit_signal = static_cast<int>(arguments.exit_signal),
                                .stack = arguments.stack + arguments.stack_size,
                                .parent_tid = arguments.parent_tid,
                                .child_tid = arguments.child_tid,
                                .thread_pointer = arguments.tls});
}

Result<long> sys_fork(Context& context) {
  return clone(context.thread, {.flags = 0, .exit_signal = signal::child});
}
Result<long> sys_vfork(Context& context) {
  return clone(context.thread, {.flags = clone_vfork | clone_vm, .exit_signal = signal::child});
}

Result<long> sys_execve(Context& context, UserString path, UserPtr<std::uint64_t> arguments,
                        UserPtr<std::uint64_t> environment) {
  NameArgument name;
  TRY(name.read(path));
  return exec_file(context, name.at(), Flags{0}, arguments, environment, name.at().name);
}

// The program's name is what execveat(2) says: the path if it is absolute or from the working directory, else one
// below /dev/fd.
Result<long> sys_execveat(Context& context, Descriptor directory, UserString path, UserPtr<std::uint64_t> arguments,
                          UserPtr<std::uint64_t> environment, Flags flags) {
  if (!flags.only(at_empty_path | at_symlink_nofollow)) return Error::inval;
  NameArgument name;
  TRY(name.read(context, directory, path));
  if (!name.at().directory) return exec_file(context, name.at(), flags, arguments, environment, name.at().name);
  Vector<char> text;
  TRY(text.resize(name.at().name.size() + 24));
  const std::string_view shown = name.at().name.empty() ? format_to(text, "/dev/fd/{}", directory.number)
                                                        : format_to(text, "/dev/fd/{}/{}", directory.number, name.at().name);
  return exec_file(context, name.at(), flags, arguments, environment, shown);
}

Result<long> sys_exit(Context&, int status) { exit_thread(status & 0xff); }
Result<long> sys_exit_group(Context&, int status) { exit_process({WaitStatus::Kind::exited, status & 0xff}); }

Result<long> sys_wait4(Context& context, int pid, UserPtr<int> status, Flags options, UserPtr<Rusage> usage) {
  if (!options.only(w_nohang | w_untraced | w_continued | w_nothread | w_clone | w_all)) return Error::inval;
  WaitRequest request = TRY(wait_request(pid));
  request.stopped = options.has(w_untraced);
  set_kinds(request, options);
  const WaitOutcome outcome = TRY(wait_for_child(context.process, request));
  if (outcome.process == 0) return 0;
  TRY(status.write_if_wanted(outcome.status.encode()));
  if (usage) TRY(usage.write(rusage_of(outcome.usage)));
  return outcome.process;
}

Result<long> sys_waitid(Context& context, int kind, int number, UserPtr<Siginfo> info, Flags options,
                        UserPtr<Rusage> usage) {
  if (!options.only(w_nohang | w_nowait | w_exited | w_stopped | w_continued | w_nothread | w_clone | w_all))
    return Error::inval;
  if (!options.has(w_exited | w_stopped | w_continued)) return Error::inval;
  WaitRequest request = TRY(waitid_request(kind, number));
  request.exited = options.has(w_exited);
  request.stopped = options.has(w_stopped);
  request.leave = options.has(w_nowait);
  set_kinds(request, options);
  const WaitOutcome outcome = TRY(wait_for_child(context.process, request));
  if (usage && outcome.process) TRY(usage.write(rusage_of(outcome.usage)));
  if (info) TRY(info.write(child_info(outcome)));
  return 0;
}

Result<long> sys_getpid(Context& context) { return context.process.number(); }
Result<long> sys_getppid(Context& context) { return context.process.parent_number(); }
Result<long> sys_gettid(Context& context) { return context.thread.number(); }

Result<long> sys_setpgid(Context& context, int pid, int group) {
  TRY(set_process_group(context.process, pid, group));
  return 0;
}
Result<long> sys_getpgid(Context& context, int pid) { return TRY(process_group_of(context.process, pid)); }
Result<long> sys_getpgrp(Context& context) { return TRY(process_group_of(context.process, 0)); }
Result<long> sys_setsid(Context& context) { return TRY(start_session(context.process)); }
Result<long> sys_getsid(Context& context, int pid) { return TRY(session_of(context.process, pid)); }

// Only the plain Linux persona is there; 0xffffffff asks. ADDR_NO_RANDOMIZE is kept and reported, and has no other effect:
// addresses are not randomised.
Result<long> sys_personality(Context& context, unsigned persona) {
  constexpr unsigned ask = 0xffffffff, no_randomize = 0x0040000;
  const std::uint32_t before = context.process.personality;
  if (persona == ask) return before;
  if (persona & ~no_randomize) return Error::inval;
  context.process.personality = persona;
  return before;
}

}  // namespace cv6::linux_abi
