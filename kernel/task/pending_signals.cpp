#include "task/pending_signals.hpp"

namespace cv6 {

void PendingSignals::push(QueuedSignal& queued, const SignalInfo& info) {
  queued.info = info;
  queue_.push_back(queued);
  SignalSet now = set();
  now.add(info.number);
  change(now);
}

Result<void> PendingSignals::add_paid(const SignalInfo& info, UserAccount* payer, std::uint64_t limit) {
  QueuedSignal* queued = nullptr;
  // In an interrupt the running thread is anybody's; and of the kernel's own standard signals there are not many.
  const payer::Scope sender(payer ? payer::current() : nullptr);
  if (!payer || payer->queued_signals.load(std::memory_order_relaxed) < limit)
    queued = first_.node.linked() ? new (std::nothrow) QueuedSignal : &first_;
  if (queued) {
    if (payer) {
      payer->queued_signals.fetch_add(1, std::memory_order_relaxed);
      queued->payer = Ref<UserAccount>(payer);
    }
    push(*queued, info);
    return {};
  }
  // kill(2) of a real-time signal loses only the information, as on Linux; so do the kernel's own, which nobody could be told of.
  if (signal::real_time(info.number) && info.kind == SignalInfo::Kind::queued) return Error::again;
  SignalSet now = set();
  now.add(info.number);
  change(now);
  return {};
}

QueuedSignal* PendingSignals::find(int number) {
  for (QueuedSignal& queued : queue_)
    if (queued.info.number == number) return &queued;
  return nullptr;
}

void PendingSignals::remove(QueuedSignal& queued) {
  const int number = queued.info.number;
  drop(queued);
  if (!queue_.empty() && find(number)) return;
  change(set() - SignalSet::of(number));
}

std::optional<SignalInfo> PendingSignals::take(SignalSet blocked) {
  std::optional<SignalInfo> info;
  const SignalSet deliverable = set() - blocked;
  if (deliverable.empty()) return info;
  const SignalSet urgent = deliverable & signal::synchronous;
  const int number = (urgent.empty() ? deliverable : urgent).first();
  if (QueuedSignal* queued = find(number)) {
    info.emplace(queued->info);
    remove(*queued);
    return info;
  }
  info = SignalInfo{.number = number, .code = signal_code::user};  // what was known about it is lost
  change(set() - SignalSet::of(number));
  return info;
}

[[gnu::noinline]] void PendingSignals::give_back(QueuedSignal& queued) {
  if (queued.of_timer) return;
  if (queued.payer) queued.payer->queued_signals.fetch_sub(1, std::memory_order_relaxed);
  queued.payer = nullptr;
  if (&queued != &first_) delete &queued;
}

void PendingSignals::discard_of_timers() {
  SignalSet dropped, left;
  for (QueuedSignal& queued : queue_) {
    (queued.of_timer ? dropped : left).add(queued.info.number);
    if (queued.of_timer) drop(queued);
  }
  change(set() - (dropped - left));
}

bool PendingSignals::discard_some() {
  change({});
  for (int some = 64; some != 0; --some) {
    QueuedSignal* first = queue_.front();
    if (!first) return false;
    drop(*first);
  }
  return true;
}

void PendingSignals::discard(SignalSet which) {
  if ((set() & which).empty()) return;
  for (QueuedSignal& queued : queue_)
    if (which.contains(queued.info.number)) drop(queued);
  change(set() - which);
}

}  // namespace cv6
