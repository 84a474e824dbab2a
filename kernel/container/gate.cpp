#include "container/gate.hpp"

namespace cv6 {

void CallGate::set_state(std::uint32_t mask, std::uint32_t bits) {
  std::uint32_t state = state_.load(std::memory_order_relaxed);
  while (!state_.compare_exchange_weak(state, (state & ~mask) | bits)) {}
}

Result<void> CallGate::set_log(const CallLog::Settings& settings, GuestMemory& payer) {
  std::uint32_t bits = 0;
  if (settings.what & (CallLog::counts | CallLog::records))
    bits = settings.what == CallLog::records ? records_bit : log_bit;
  return log_.configure(settings, payer, [&] { set_state(records_bit | log_bit, bits); });
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

void CallGate::update(const CallRules& above) {
  const CallSet::Words denied = united(own_.denied, above.denied);
  denied_.store(denied);
  fatal_.store(united(own_.fatal, above.fatal));
  // (Sequentially consistent: other processors see this change before they see anything that the caller does next.)
  set_state(policy_bit, denied_.empty() ? 0 : policy_bit);
}

}  // namespace cv6
