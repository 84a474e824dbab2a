#include "abi/call_format.hpp"

#include <algorithm>
#include <optional>

#include "abi/call_texts.hpp"
#include "abi/gate_entry.hpp"
#include "abi/linux/argument_names.hpp"
#include "task/signal.hpp"

namespace cv6::abi {

namespace {

using Outcome = CallRecord::Outcome;

constexpr std::int32_t at_working_directory = -100;

// As C writes it, so that no byte of a program's can confuse a terminal.
void print_quoted(Output& out, const Text& text) {
  out.write("\"");
  for (const char c : text.bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      print(out, "\\{}", c);
    else if (c == '\n')
      out.write("\\n");
    else if (byte < ' ' || byte > '~')
      print(out, "\\{:o}", byte);
    else
      print(out, "{}", c);
  }
  out.write(text.mark == text_mark::cut ? "\"..." : "\"");
}

void print_address(Output& out, std::uint64_t address) {
  if (address == 0) return out.write("NULL");
  print(out, "0x{:x}", address);
}

void print_named(Output& out, std::span<const ValueName> names, std::uint32_t bits) {
  std::uint32_t rest = bits;
  std::string_view separator;
  for (const ValueName& one : names) {
    if ((bits & one.mask) != one.value || (rest & one.value) != one.value || (one.value == 0 && rest != bits)) continue;
    print(out, "{}{}", separator, one.name);
    separator = "|";
    rest &= ~one.mask;
    if (rest == 0 && one.mask == ~0u) return;
  }
  if (rest) return print(out, "{}0x{:x}", separator, rest);
  if (separator.empty()) out.write("0");
}

void print_argument(Output& out, ArgumentKind kind, std::uint64_t value, std::string_view& texts) {
  const auto word = static_cast<std::uint32_t>(value);
  const auto integer = static_cast<std::int32_t>(value);
  switch (kind) {
    case ArgumentKind::none: return;
    case ArgumentKind::number: return print(out, "{}", static_cast<std::int64_t>(value));
    case ArgumentKind::integer: return print(out, "{}", integer);
    case ArgumentKind::unsigned_number:
      return value >> 32 ? print(out, "0x{:x}", value) : print(out, "{}", value);
    case ArgumentKind::descriptor:
      return integer == at_working_directory ? out.write("AT_FDCWD") : print(out, "{}", integer);
    case ArgumentKind::flags: return word ? print(out, "0x{:x}", word) : out.write("0");
    case ArgumentKind::mode: return print(out, "0{:o}", word);
    case ArgumentKind::signal:
      return signal::valid(integer) && !signal::real_time(integer) ? out.write(signal::name(integer))
                                                                   : print(out, "{}", integer);
    case ArgumentKind::path:
      if (const Text text = take_text(texts); text.mark != text_mark::unreadable) return print_quoted(out, text);
      return print_address(out, value);
    case ArgumentKind::pointer: return print_address(out, value);
    case ArgumentKind::unknown: return print(out, "0x{:x}", value);
  }
}

const ArgumentNames* names_of(const CallRecord& record, std::string_view call, unsigned index) {
  if (record.what.abi != CallAbi::linux) return nullptr;
  const auto all = linux_abi::argument_names();
  const auto found =
      std::ranges::find_if(all, [&](const ArgumentNames& one) { return one.index == index && one.call == call; });
  return found == all.end() ? nullptr : &*found;
}

void print_arguments(Output& out, const CallRecord& record, const CallRow& row) {
  std::string_view texts(record.text, record.what.text_size);
  for (unsigned i = 0; i < row.arguments.size() && row.arguments[i] != ArgumentKind::none; ++i) {
    // A mode counts only where a file is made.
    const bool opens = row.name == "open" || row.name == "openat";
    if (opens && row.arguments[i] == ArgumentKind::mode && !linux_abi::open_makes_file(record.registers.argument(i - 1))) break;
    if (i) out.write(", ");
    const ArgumentNames* names = names_of(record, row.name, i);
    if (names && names->values.empty())
      print_address(out, record.registers.argument(i));
    else if (names)
      print_named(out, names->values, static_cast<std::uint32_t>(record.registers.argument(i)));
    else
      print_argument(out, row.arguments[i], record.registers.argument(i), texts);
  }
}

void print_result(Output& out, const CallRecord& record, const CallRow* row) {
  const std::int64_t result = record.registers.result();
  if (record.what.abi == CallAbi::linux && result < 0 && result >= -linux_abi::largest_errno) {
    out.write("-1 ");
    return linux_abi::print_error_name(out, static_cast<int>(-result));
  }
  if (row && linux_abi::returns_address(row->name)) return print(out, "0x{:x}", static_cast<std::uint64_t>(result));
  print(out, "{}", result);
}

void print_outcome(Output& out, const CallRecord& record, const CallRow* row) {
  switch (record.what.outcome) {
    case Outcome::returned: return print_result(out, record, row);
    case Outcome::interrupted: return out.write("? (interrupted by a signal)");
    case Outcome::begun: return out.write("?");
    case Outcome::denied: return out.write("-1 EPERM (not allowed in this container)");
    case Outcome::answered: print_result(out, record, row); return out.write(" (answered by the supervisor)");
    case Outcome::killed: return out.write("? (not allowed in this container: killed)");
  }
}

constexpr Nanoseconds seconds_per_day = 86400;

}  // namespace

void print_request(Output& out, const CallRecord& record) {
  const CallRow* row = find_call(record.what.abi, record.registers.call_number());
  if (row)
    print(out, "{}(", row->name);
  else
    print(out, "syscall_{}(", record.registers.call_number());
  constexpr CallRow unknown{0, "", nullptr};
  print_arguments(out, record, row ? *row : unknown);
  out.write(")");
}

void print_call(Output& out, const CallRecord& record, Nanoseconds started, Nanoseconds nanoseconds) {
  print(out, "[{}] ", record.thread);
  if (started) {
    const Nanoseconds seconds = started / nanoseconds_per_second % seconds_per_day;
    print(out, "{:02}:{:02}:{:02}.{:06} ", seconds / 3600, seconds / 60 % 60, seconds % 60,
          started % nanoseconds_per_second / 1000);
  }
  print_request(out, record);
  out.write(" = ");
  print_outcome(out, record, find_call(record.what.abi, record.registers.call_number()));
  if (record.what.outcome == Outcome::returned || record.what.outcome == Outcome::interrupted)
    print(out, " <{}.{:06}>", nanoseconds / nanoseconds_per_second, nanoseconds % nanoseconds_per_second / 1000);
  out.write("\n");
}

}  // namespace cv6::abi
