// What a thread has of its own: set_tid_address(2), get_robust_list(2), arch_prctl(2), prctl(2).
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "task/process_info.hpp"
#include "task/process_tree.hpp"

namespace cv6::linux_abi {
namespace {

enum Prctl : int {
  set_pdeathsig = 1, get_pdeathsig = 2, get_dumpable = 3, set_dumpable = 4, get_keepcaps = 7, get_timing = 13,
  set_timing = 14, set_name = 15, get_name = 16, get_seccomp = 21, capbset_read = 23, get_securebits = 27,
  set_timerslack = 29, get_timerslack = 30, set_child_subreaper = 36, get_child_subreaper = 37, set_no_new_privs = 38,
  get_no_new_privs = 39, get_tid_address = 40, get_thp_disable = 42,
};
constexpr Nanoseconds default_timer_slack = 50'000;
constexpr unsigned long last_capability = 40;

Result<long> set_thread_name(Context& context, unsigned long address) {
  constexpr std::size_t size = 16;
  char text[size];
  const std::ptrdiff_t length = arch::copy_string_from_user(text, address, size - 1);
  if (length < 0) return Error::fault;
  context.thread.name.assign({text, static_cast<std::size_t>(length)});
  return 0;
}

Result<long> get_thread_name(Context& context, unsigned long address) {
  char text[16] = {};
  const std::string_view name = context.thread.name.view();
  std::memcpy(text, name.data(), name.size());
  TRY(UserPtr<char>(address).write_array(text));
  return 0;
}

Result<long> set_death_signal(Context& context, unsigned long number) {
  if (number > signal::last) return Error::inval;
  context.thread.parent_death_signal = static_cast<int>(number);
  return 0;
}

Result<long> set_flag(Context& context, int option, unsigned long value) {
  if (option == set_child_subreaper) {
    context.process.child_subreaper.store(value != 0, std::memory_order_relaxed);
    return 0;
  }
  if (option == set_dumpable) {
    if (value > 1) return Error::inval;
    context.process.dumpable = value != 0;
    return 0;
  }
  if (value != 1) return Error::inval;
  context.process.no_new_privileges = true;
  return 0;
}

}  // namespace

Result<long> sys_set_tid_address(Context& context, UserPtr<int> address) {
  context.thread.clear_child_tid = address.address();
  return context.thread.number();
}

Result<long> sys_set_robust_list(Context& context, UserPtr<RobustListHead> head, std::size_t size) {
  if (size != sizeof(RobustListHead)) return Error::inval;
  context.thread.robust_list = head.address();
  return 0;
}

Result<long> sys_get_robust_list(Context& context, int tid, UserPtr<std::uint64_t> head, UserPtr<std::size_t> size) {
  Ref<UserThread> thread(&context.thread);
  if (tid != 0) thread = TRY(find_thread(context.container, tid));
  TRY(check_may_inspect(context.process, thread->process()));
  TRY(size.write(sizeof(RobustListHead)));
  TRY(head.write(thread->robust_list));
  return 0;
}

Result<long> sys_arch_prctl(Context& context, int code, unsigned long address) {
  constexpr int set_gs = 0x1001, set_fs = 0x1002, get_fs = 0x1003, get_gs = 0x1004;
  // Programs may change the bases themselves (WRFSBASE), so only the processor knows them.
  arch::ThreadPointers pointers = arch::initial_thread_pointers(arch::CodeWidth::bits_64);
  arch::save_thread_pointers(pointers);
  switch (code) {
    case get_fs: TRY(UserPtr<std::uint64_t>(address).write(pointers.fs_base)); return 0;
    case get_gs: TRY(UserPtr<std::uint64_t>(address).write(pointers.gs_base)); return 0;
    case set_fs: pointers.fs_base = address; break;
    case set_gs: pointers.gs_base = address; break;
    default: return Error::inval;
  }
  if (address >= arch::user_end) return Error::perm;
  context.thread.set_pointers(pointers);
  return 0;
}

Result<long> sys_prctl(Context& context, int option, unsigned long second, unsigned long third, unsigned long fourth,
                       unsigned long fifth) {
  switch (option) {
    case set_pdeathsig: return set_death_signal(context, second);
    case get_pdeathsig: TRY(UserPtr<int>(second).write(context.thread.parent_death_signal)); return 0;
    case get_dumpable: return context.process.dumpable ? 1 : 0;
    case set_dumpable:
    case set_child_subreaper: return set_flag(context, option, second);
    case get_child_subreaper:
      TRY(UserPtr<int>(second).write(context.process.child_subreaper.load(std::memory_order_relaxed)));
      return 0;
    case set_no_new_privs:
      if (third || fourth || fifth) return Error::inval;
      return set_flag(context, option, second);
    case get_no_new_privs:
      if (second || third || fourth || fifth) return Error::inval;
      return context.process.no_new_privileges ? 1 : 0;
    case set_name: return set_thread_name(context, second);
    case get_name: return get_thread_name(context, second);
    case set_timerslack:
      context.thread.timer_slack = second ? static_cast<Nanoseconds>(second) : default_timer_slack;
      return 0;
    case get_timerslack: return context.thread.timer_slack;
    case get_tid_address: TRY(UserPtr<std::uint64_t>(second).write(context.thread.clear_child_tid)); return 0;
    case capbset_read: return second <= last_capability ? Result<long>(1) : Error::inval;
    // Questions whose answer is always no; there is nothing to switch on.
    case get_keepcaps:
    case get_timing:
    case get_seccomp:
    case get_securebits:
    case get_thp_disable: return 0;
    case set_timing: return second == 0 ? Result<long>(0) : Error::inval;
    default: return Error::inval;
  }
}

}  // namespace cv6::linux_abi
