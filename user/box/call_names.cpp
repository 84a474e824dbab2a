#include "call_names.hpp"

#include <algorithm>
#include <cstring>

#include "failure.hpp"
#include "numbers.hpp"

namespace cv6::box {
namespace {

struct Call {
  unsigned number;  // its place in a CallSet; Linux' calls are at their numbers
  std::string_view name;
};
// The kernel's own lists.
constexpr Call all_calls[] = {
#define CV6_CALL(number, name) {number, #name},
#define CV6_PARTIAL(number, name, missing) {number, #name},
#define CV6_REFUSED(number, name, error, why) {number, #name},
#define CV6_ABSENT(number, name, why) {number, #name},
#include "abi/linux/calls.def"
#undef CV6_CALL
#undef CV6_PARTIAL
#undef CV6_REFUSED
#undef CV6_ABSENT
#define CV6_XV6_CALL(number, name) {CallSet::place_of_xv6(number), "xv6:" #name},
#include "abi/xv6/calls.def"
#undef CV6_XV6_CALL
    {CallSet::place_of_xv6(CallSet::xv6_calls), "xv6:all-others"},
};

constexpr std::string_view everything = "all", the_others = "all-others";
constexpr unsigned place_of_others = CallSet::linux_calls - 1;

// "xv6:NAME" may leave its prefix out where Linux has no call of that name.
std::optional<unsigned> place_of_xv6_call(std::string_view name) {
  const auto* call = std::ranges::find(all_calls, std::string("xv6:").append(name), &Call::name);
  return call != std::end(all_calls) ? std::optional(call->number) : std::nullopt;
}

}  // namespace

std::optional<unsigned> place_of_call(std::string_view name) {
  if (name == the_others) return place_of_others;
  if (const auto* call = std::ranges::find(all_calls, name, &Call::name); call != std::end(all_calls)) return call->number;
  const auto number = number_in<unsigned>(name);
  if (!number) return place_of_xv6_call(name);
  return CallSet::place_of_linux(*number);
}

std::string name_of_call(unsigned place) {
  if (place == place_of_others) return std::string(the_others);
  const auto* call = std::ranges::find(all_calls, place, &Call::number);
  return call != std::end(all_calls) ? std::string(call->name) : "?" + std::to_string(place);
}

std::vector<std::string> names_in(const CallSet& set) {
  std::vector<std::string> names;
  for (const Call& call : all_calls)
    if (set.has(call.number)) names.emplace_back(call.name);
  if (set.has(place_of_others)) names.emplace_back(the_others);
  return names;
}

CallSet parse_calls(const std::vector<std::string>& words) {
  CallSet set;
  std::string unknown;
  for (const std::string& word : words) {
    std::string_view rest = word;
    while (!rest.empty()) {
      const std::string_view name = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      // A name means the call of every ABI that has one so named.
      if (const auto twin = place_of_xv6_call(name)) set.add(*twin);
      if (name == everything)
        set = CallSet::all();
      else if (const auto place = place_of_call(name))
        set.add(*place);
      else
        unknown += (unknown.empty() ? "" : ", ") + std::string(name);
    }
  }
  if (!unknown.empty()) throw Failure(unknown + ": no such system call (names as in `man 2 syscalls`, or numbers)");
  return set;
}

std::optional<int> error_number(std::string_view name) {
  for (int number = 1; number < 134; ++number)
    if (const char* known = ::strerrorname_np(number); known && name == known) return number;
  return std::nullopt;
}

}  // namespace cv6::box
