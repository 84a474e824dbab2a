#include "task/send_signal.hpp"

#include "sched/scheduler.hpp"
#include "task/exit.hpp"
#include "task/signal_file.hpp"

namespace cv6 {

SignalInfo kernel_signal(int number) {
  SignalInfo info;
  info.number = number;
  info.code = signal_code::kernel;
  return info;
}

namespace {

// The sender's number as the receiver sees it, which may be about to join or leave a container.
[[gnu::noinline]] int number_elsewhere(Process& sender, Process& receiver) {
  return sender.pid()->number_in(*receiver.hold_container());
}

}  // namespace

SignalInfo signal_from(Process& sender, Process& receiver, int number, int code) {
  const bool same_place = &sender.container() == &receiver.container();
  return {.number = number,
          .code = code,
          .process = same_place ? sender.number() : number_elsewhere(sender, receiver),
          .user = sender.credentials().ids().user};
}

namespace {

enum class To : std::uint8_t { process, thread };

// The processes that others depend on are not ended by what they did not ask for: the host's first one never, a
// container's not by those inside.
bool is_protected(Process& process, int number, const Process* sender) {
  if (!process.is_init || process.handlers().get(number).has_handler()) return false;
  return process.container().is_host() || (sender && sender->container().is_or_is_below(process.container()));
}

// Nobody would notice: it is ignored, and not only for as long as it is blocked (its disposition may change until then).
bool is_ignored(Process& process, const UserThread& thread, int number) {
  return !thread.mask().contains(number) && process.handlers().ignores(number);
}

// A stop signal takes back what would continue, and the reverse; a continue signal ends a stop.
[[gnu::noinline]] void change_stop(Process& process, int number) REQUIRES(process.lock()) {
  const bool stops = signal::stopping.contains(number);
  const SignalSet opposite = stops ? SignalSet::of(signal::continue_) : signal::stopping;
  process.pending.discard(opposite);
  for (UserThread& thread : process.threads) {
    thread.pending.discard(opposite);
    if (!stops) thread.took_stop = false;  // on its way to begin_stop()
  }
  if (stops || !process.stopping) return;
  process.stopping = false;
  process.continue_unannounced = true;
  for (UserThread& thread : process.threads) thread.notice_signals();
  process.continued.wake_all();
}

SignalSet refused_by(const UserThread& thread) {
  return thread.mask() - SignalSet(thread.awaited_signals.load(std::memory_order_seq_cst));
}

bool wants(const UserThread& thread, int number) { return !refused_by(thread).contains(number); }

// One thread that can take it comes out of its sleep: the first, if it can, as most programs expect.
void wake_for(Process& process, UserThread& first_choice, int number, To to) REQUIRES(process.lock()) {
  if (process.stopping) return;  // a stopped process takes none but SIGKILL; when it goes on, each thread looks
  if (wants(first_choice, number)) return first_choice.notice_signals();
  if (SignalNews* news = process.signal_news.load(std::memory_order_acquire)) news->queue.wake_all();
  if (to == To::thread) return;
  for (UserThread& thread : process.threads)
    if (wants(thread, number)) return thread.notice_signals();
}

void kill_locked(Process& process) REQUIRES(process.lock()) {
  if (process.ending()) return;
  process.exit_status = {WaitStatus::Kind::killed, signal::kill};
  process.set_ending();
  process.stopping = false;
  for (UserThread& thread : process.threads) thread.notice_end();
  process.continued.wake_all();
  process.threads_changed.wake_all();
}

constexpr SignalSet acts_when_sent = signal::stopping | SignalSet::of(signal::kill, signal::continue_);

// What a signal does at once. Who is asked first to take it; null: it is not to be pending.
[[gnu::always_inline]] inline UserThread* begin_sending(Process& process, UserThread* target, int number, Process* sender)
    REQUIRES(process.lock()) {
  UserThread* first = target ? target : process.threads.front();
  if (!first || !first->process_node.linked() || process.ending()) return nullptr;  // it ends, or has ended
  if (is_protected(process, number, sender)) return nullptr;
  if (acts_when_sent.contains(number)) [[unlikely]] {
    if (number == signal::kill) {
      kill_locked(process);
      return nullptr;
    }
    change_stop(process, number);
  }
  return is_ignored(process, *first, number) ? nullptr : first;
}

// With the memory of who pays: the sender's container, or for real-time signals of the kernel the receiver's.
Result<void> add_paid(Process& receiver, PendingSignals& pending, const SignalInfo& info, Process* sender)
    REQUIRES(receiver.lock()) {
  if (!sender && !signal::real_time(info.number)) return pending.add(info, nullptr, 0);
  const payer::Scope scope(sender ? payer::current() : receiver.container().memory().as_payer());
  Process& payer = sender ? *sender : receiver;
  return pending.add(info, &payer.account(), payer.limits.pending_signals());
}

Result<void> send(Process& process, UserThread* target, const SignalInfo& info, Process* sender) REQUIRES(process.lock()) {
  const int number = info.number;
  UserThread* first = begin_sending(process, target, number, sender);
  if (!first) return {};
  PendingSignals& pending = target ? target->pending : process.pending;
  if (!pending.add_without_memory(info)) TRY(add_paid(process, pending, info, sender));
  wake_for(process, *first, number, target ? To::thread : To::process);
  return {};
}

}  // namespace

void kill_process(Process& process) {
  SpinGuard guard(process.lock());
  kill_locked(process);
}

Result<void> deliver(Process& process, const SignalInfo& info, Process* sender) {
  SpinGuard guard(process.lock());
  return send(process, nullptr, info, sender);
}

Result<void> deliver(UserThread& thread, const SignalInfo& info, Process* sender) {
  Process& process = thread.process();
  SpinGuard guard(process.lock());
  return send(process, &thread, info, sender);
}

void deliver_locked(Process& process, UserThread& thread, const SignalInfo& info) {
  (void)send(process, &thread, info, nullptr);  // at worst the information is lost
}

void pass_on_pending_locked(Process& process, SignalSet given_up) {
  if (process.stopping) return;  // when it goes on, each thread looks
  SignalSet left = process.pending.set() & given_up;
  for (UserThread& thread : process.threads) {
    if (left.empty()) return;
    const SignalSet refused = refused_by(thread);
    if ((left - refused).empty()) continue;
    left = left & refused;
    thread.notice_signals();
  }
  SignalNews* news = process.signal_news.load(std::memory_order_acquire);
  if (news && !left.empty()) news->queue.wake_all();
}

void pass_on_pending(UserThread& thread, SignalSet given_up) {
  Process& process = thread.process();
  if (process.single_threaded() || (process.pending.set() & given_up).empty()) return;
  SpinGuard guard(process.lock());
  pass_on_pending_locked(process, given_up);
}

void deliver_of_timer(Process& process, UserThread* thread, QueuedSignal& signal) {
  SpinGuard guard(process.lock());
  UserThread* first = begin_sending(process, thread, signal.info.number, nullptr);
  if (!first) return;
  (thread ? thread->pending : process.pending).add(signal);
  wake_for(process, *first, signal.info.number, thread ? To::thread : To::process);
}

void deliver_to_group(ProcessGroup& group, const SignalInfo& info) {
  for (Process& member : group.members) (void)deliver(member, info);  // at worst the information is lost
}

void signal_self(UserThread& thread, int number) {
  (void)deliver(thread, signal_from(thread.process(), thread.process(), number, signal_code::user));
}

void force_signal(UserThread& thread, const SignalInfo& info) {
  Process& process = thread.process();
  const SignalAction action = process.handlers().get(info.number);
  const bool blocked = thread.mask().contains(info.number);
  if (blocked || action.handler == SignalAction::ignore_handler) {
    SignalAction fresh = action;
    fresh.handler = SignalAction::default_handler;
    process.handlers().set(info.number, fresh);
    thread.set_mask(thread.mask() - SignalSet::of(info.number));
  }
  SpinGuard guard(process.lock());
  (void)thread.pending.add(info, nullptr, 0);
  thread.notice_signals();
}

// --- calls ------------------------------------------------------------------------------------------------------------

namespace {

bool may_signal_by_user(Process& caller, Process& target) {
  const Identities& own = caller.credentials().ids();
  const Ref<const Credentials> held = target.hold_credentials();
  const Identities& other = held->ids();
  return own.effective_user == 0 || own.effective_user == other.user || own.effective_user == other.saved_user ||
         own.user == other.user || own.user == other.saved_user;
}

bool may_continue(const Process& caller, const Process& target, int number) REQUIRES(process_tree_lock) {
  return number == signal::continue_ && caller.group && target.group &&
         &caller.group->session() == &target.group->session();
}

Result<void> send_permitted(Process& caller, Process& target, int number) {
  if (number == 0) return {};
  return deliver(target, signal_from(caller, target, number, signal_code::user), &caller);
}

// What a signal to several becomes: a success if one of them could be sent it.
struct Broadcast {
  Result<void> outcome = Error::srch;
  void note(Result<void> one) {
    if (one || !outcome) outcome = one;
  }
};

// A group may have members on both sides of a container's border.
void send_to_member(Process& caller, Process& member, int number, Broadcast& all) REQUIRES(process_tree_lock) {
  if (!is_visible(member, caller.container())) return;
  if (may_signal_by_user(caller, member) || may_continue(caller, member, number))
    all.note(send_permitted(caller, member, number));
  else
    all.note(Error::perm);
}

// Some members at a time. Who enters meanwhile comes last, so the children of those that were not sent it yet get it, too. Those
// that were sent it, and the children that they make for it, bear the number of this walk.
Result<void> send_to_group(Process& caller, ProcessGroup& group, int number) {
  constexpr int at_once = 64;
  static std::atomic<std::uint64_t> walks{0};
  const std::uint64_t walk = walks.fetch_add(1, std::memory_order_relaxed) + 1;
  Broadcast all;
  Ref<Process> last;
  for (std::uint64_t entry = 0;; sched::maybe_yield()) {
    const Ref<Process> before = std::move(last);  // goes after the lock
    SpinGuard guard(process_tree_lock);
    Process* member = member_after(group, entry, before.get());
    for (int left = at_once; member && left > 0; --left) {
      if (std::exchange(member->group_walk, walk) != walk) send_to_member(caller, *member, number, all);
      entry = member->group_entry;
      if (left == 1) last = Ref<Process>(member);
      member = group.members.next(*member);
    }
    if (!member) return all.outcome;
  }
}

// As on Linux those that the caller may not send it to are no failure.
Result<void> send_to_all(Process& caller, int number) {
  Broadcast all;
  for (int at = 0; Ref<Process> process = next_process(caller.container(), at);) {
    if (process == &caller || at == 1) continue;
    const bool allowed{check_may_signal(caller, *process, number)};
    all.note(allowed ? send_permitted(caller, *process, number) : Result<void>());
  }
  return all.outcome;
}

}  // namespace

Result<void> check_may_signal(Process& caller, Process& target, int number) {
  if (&caller == &target || may_signal_by_user(caller, target)) return {};
  SpinGuard guard(process_tree_lock);
  if (may_continue(caller, target, number)) return {};
  return Error::perm;
}

Result<void> send_signal_to(Process& caller, int target, int number) {
  if (number != 0 && !signal::valid(number)) return Error::inval;
  if (target == caller.number()) return send_permitted(caller, caller, number);
  if (target > 0) {
    const Ref<Process> process = TRY(find_process(caller.container(), target));
    TRY(check_may_signal(caller, *process, number));
    return send_permitted(caller, *process, number);
  }
  if (target == -1) return send_to_all(caller, number);
  if (target == INT32_MIN) return Error::srch;
  if (target < -1) return send_to_group(caller, *TRY(find_group(caller.container(), -target)), number);
  return send_to_group(caller, *hold_group(caller), number);
}

namespace {

// raise(3) and abort(3) name the caller itself.
bool is_self(const UserThread& self, int process, int thread) {
  return self.number() == thread && (process == 0 || process == self.process().number());
}

// tgkill(2)'s process must be the thread's.
Result<Ref<UserThread>> find_thread_of(Process& caller, int process, int thread) {
  Ref<UserThread> found = TRY(find_thread(caller.container(), thread));
  if (process && found->process().pid()->number_in(caller.container()) != process) return Error::srch;
  return found;
}

}  // namespace

Result<void> send_signal_to_thread(Process& caller, int process, int thread, int number) {
  if (thread <= 0 || process < 0 || (number != 0 && !signal::valid(number))) return Error::inval;
  UserThread& self = UserThread::current();
  Ref<UserThread> other;
  if (!is_self(self, process, thread)) {
    other = TRY(find_thread_of(caller, process, thread));
    TRY(check_may_signal(caller, other->process(), number));
  }
  UserThread& target = other ? *other : self;
  if (number == 0) return {};
  return deliver(target, signal_from(caller, target.process(), number, signal_code::thread_kill), &caller);
}

Result<void> queue_signal(Process& caller, int process, int thread, const SignalInfo& info) {
  if (info.number != 0 && !signal::valid(info.number)) return Error::inval;
  const bool own = process == caller.number();
  if (!own && (info.code >= 0 || info.code == signal_code::thread_kill)) return Error::perm;
  if (thread) {
    const Ref<UserThread> target = TRY(find_thread_of(caller, process, thread));
    TRY(check_may_signal(caller, target->process(), info.number));
    if (info.number == 0) return {};
    return deliver(*target, info, &caller);
  }
  const Ref<Process> target = TRY(find_process(caller.container(), process));
  TRY(check_may_signal(caller, *target, info.number));
  if (info.number == 0) return {};
  return deliver(*target, info, &caller);
}

}  // namespace cv6
