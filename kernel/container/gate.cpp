#include "container/gate.hpp"

#include "container/container.hpp"

namespace cv6 {

void CallGate::set_state(State mask, State bits) {
  State state = state_.load(std::memory_order_relaxed);
  while (!state_.compare_exchange_weak(state, (state & ~mask) | bits)) {}
}

Result<void> CallGate::set_log(const CallLog::Settings& settings, GuestMemory& payer) {
  State bits = open;
  if (settings.what & (CallLog::counts | CallLog::records))
    bits = settings.what == CallLog::records ? only_records : has_log;
  return log_.configure(settings, payer, [&] { set_state(only_records | has_log, bits); });
}

CallGate::Notice CallGate::note_denied(Nanoseconds now) {
  denied_calls_.fetch_add(1, std::memory_order_relaxed);
  const Notice notice = announcements_.with([&](Announcements& announcements) {
    if (now - announcements.last >= between_lines && announcements.left < burst) ++announcements.left;
    if (announcements.left == 0) return Notice::none;
    announcements.last = now;
    return --announcements.left ? Notice::line : Notice::last_line;
  });
  if (notice == Notice::none) unannounced_calls_.fetch_add(1, std::memory_order_relaxed);
  return notice;
}

void CallGate::update(const CallRules& effective) {
  stopped_.store(united(effective.denied, effective.supervised));
  // (Sequentially consistent: other processors see this change before they see anything that the caller does next.)
  set_state(has_policy, stopped_.empty() ? open : has_policy);
}

}  // namespace cv6
