// /proc/PID/{fail-nth,make-it-fail} and the same of a thread, in the debug build: allocations of the thread that fail on purpose
// (mm/allocation_failures.hpp). The names are those of Linux' fault injection; what they do is the same for fail-nth, while
// make-it-fail holds a number: of about so many allocations one fails, in the thread and in all that it starts from then on.
// It is not 1, which is what programs for Linux write there: where all fail, a page fault is tried again for ever.
#include "task/proc/process_entries.hpp"

#ifdef CV6_DEBUG
namespace cv6::proc {

namespace {

Result<std::uint64_t> number_in(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto number = parse_unsigned(text, 10);
  if (!number || *number > UINT32_MAX) return Error::inval;
  return *number;
}

}  // namespace

// 0: it has failed. A positive number: it has not come to that yet.
Result<void> generate_fail_nth(const Subject& subject, TextBuffer& out) {
  print(out, "{}\n", TRY(subject.thread())->failures.remaining());
  return {};
}

Result<void> store_fail_nth(const Subject& subject, std::string_view text) {
  const std::uint64_t number = TRY(number_in(text));
  TRY(subject.thread())->failures.fail_nth(number);
  return {};
}

Result<void> generate_make_it_fail(const Subject& subject, TextBuffer& out) {
  print(out, "{}\n", TRY(subject.thread())->failures.one_in());
  return {};
}

Result<void> store_make_it_fail(const Subject& subject, std::string_view text) {
  const std::uint64_t number = TRY(number_in(text));
  if (number == 1) return Error::inval;
  TRY(subject.thread())->failures.fail_one_in(static_cast<std::uint32_t>(number));
  return {};
}

}  // namespace cv6::proc
#endif
