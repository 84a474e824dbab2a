#include "task/pending_signals.hpp"

namespace cv6 {

QueuedSignal* PendingSignals::take_slot() {
  return first_.node.linked() ? new (std::nothrow) QueuedSignal : &first_;
}

Result<void> PendingSignals::add(const SignalInfo& info, UserAccount* payer, std::uint64_t limit) {
  const bool real_time = signal::real_time(info.number);
  SignalSet now = set();
  if (!real_time && now.contains(info.number)) return {};
  QueuedSignal* queued = nullptr;
  if (!real_time && !first_.node.linked()) payer = nullptr;  // takes no memory
  if (!payer || payer->queued_signals.load(std::memory_order_relaxed) < limit) queued = take_slot();
  if (queued) {
    queued->info = info;
    if (payer) {
      payer->queued_signals.fetch_add(1, std::memory_order_relaxed);
      queued->payer = Ref<UserAccount>(payer);
    }
    queue_.push_back(*queued);
  } else if (real_time && info.kind != SignalInfo::Kind::sent) {
    return Error::again;  // kill(2) of a real-time signal loses only the information, as on Linux
  }
  now.add(info.number);
  change(now);
  return {};
}

bool PendingSignals::take(SignalSet blocked, SignalInfo& info) {
  const SignalSet deliverable = set() - blocked;
  if (deliverable.empty()) return false;
  const SignalSet urgent = deliverable & signal::synchronous;
  take_number((urgent.empty() ? deliverable : urgent).first(), info);
  return true;
}

QueuedSignal* PendingSignals::find(int number) {
  for (QueuedSignal& queued : queue_)
    if (queued.info.number == number) return &queued;
  return nullptr;
}

void PendingSignals::take_number(int number, SignalInfo& info) {
  if (QueuedSignal* queued = find(number)) {
    info = queued->info;
    drop(*queued);
    if (signal::real_time(number) && find(number)) return;  // more of them
  } else {
    info = SignalInfo{.number = number, .code = signal_code::user};  // what was known about it is lost
  }
  SignalSet rest = set();
  rest.remove(number);
  change(rest);
}

void PendingSignals::drop(QueuedSignal& queued) {
  List<QueuedSignal, &QueuedSignal::node>::remove(queued);
  if (queued.payer) queued.payer->queued_signals.fetch_sub(1, std::memory_order_relaxed);
  queued.payer = nullptr;
  if (&queued != &first_) delete &queued;
}

void PendingSignals::discard_of_timer(int timer) {
  SignalSet left;
  for (QueuedSignal& queued : queue_)
    if (queued.info.kind == SignalInfo::Kind::timer && queued.info.timer == timer) {
      SignalSet rest = set();
      rest.remove(queued.info.number);
      change(rest);
      drop(queued);
    } else {
      left.add(queued.info.number);
    }
  change(set() | left);
}

void PendingSignals::discard(SignalSet which) {
  if ((set() & which).empty()) return;
  for (QueuedSignal& queued : queue_)
    if (which.contains(queued.info.number)) drop(queued);
  change(set() - which);
}

}  // namespace cv6
