#include "lib/format.hpp"

#include <algorithm>

namespace cv6::format_detail {

namespace {

struct Spec {
  char align = 0;
  char fill = ' ';
  char type = 0;
  unsigned width = 0;
};

Spec parse_spec(std::string_view text) {
  Spec spec;
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '<' || text[at] == '>')) spec.align = text[at++];
  if (at < text.size() && text[at] == '0') spec.fill = text[at++];
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    spec.width = spec.width * 10 + static_cast<unsigned>(text[at] - '0');
  if (at < text.size()) spec.type = text[at];
  return spec;
}

void pad(Output& out, char fill, std::size_t count) {
  constexpr std::string_view zeros = "0000000000000000", blanks = "                ";
  for (const std::string_view piece = fill == '0' ? zeros : blanks; count != 0;) {
    const std::size_t size = std::min(count, piece.size());
    out.write(piece.substr(0, size));
    count -= size;
  }
}

void print_padded(Output& out, std::string_view text, const Spec& spec, char default_align) {
  const std::size_t missing = text.size() < spec.width ? spec.width - text.size() : 0;
  const bool right = (spec.align ? spec.align : default_align) == '>';
  if (right && spec.fill == '0' && text.starts_with('-')) {
    out.write("-");
    text.remove_prefix(1);
  }
  if (right) pad(out, spec.fill, missing);
  out.write(text);
  if (!right) pad(out, ' ', missing);
}

void print_number(Output& out, std::uint64_t value, bool negative, const Spec& spec) {
  const unsigned base = spec.type == 'x' ? 16 : spec.type == 'o' ? 8 : 10;
  char digits[24];
  std::size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  if (negative) digits[--at] = '-';
  print_padded(out, {digits + at, sizeof digits - at}, spec, '>');
}

void print_argument(Output& out, const Argument& argument, Spec spec) {
  using Kind = Argument::Kind;
  switch (argument.kind) {
    case Kind::text: return print_padded(out, {argument.text.data, argument.text.size}, spec, '<');
    case Kind::boolean: return print_padded(out, argument.number ? "true" : "false", spec, '<');
    case Kind::unsigned_number:
    case Kind::signed_number:
    case Kind::character: {
      if (spec.type == 'c' || (argument.kind == Kind::character && !spec.type)) {
        const char character = static_cast<char>(argument.number);
        return print_padded(out, {&character, 1}, spec, '<');
      }
      const bool negative =
          argument.kind == Kind::signed_number && static_cast<std::int64_t>(argument.number) < 0 && !spec.type;
      return print_number(out, negative ? 0 - argument.number : argument.number, negative, spec);
    }
    case Kind::pointer:
      out.write("0x");
      spec.type = 'x';
      return print_number(out, argument.number, false, spec);
    case Kind::none: break;
  }
  out.write("{?}");
}

}  // namespace

void print(Output& out, std::string_view format, std::span<const Argument> arguments) {
  std::size_t next = 0;
  while (!format.empty()) {
    std::size_t brace = 0;  // a loop: find_first_of makes a call for each character
    while (brace < format.size() && format[brace] != '{' && format[brace] != '}') ++brace;
    if (brace == format.size()) return out.write(format);
    if (brace) out.write(format.substr(0, brace));
    format.remove_prefix(brace);
    if (format.size() > 1 && format[1] == format[0]) {
      out.write(format.substr(0, 1));
      format.remove_prefix(2);
      continue;
    }
    const std::size_t end = format[0] == '{' ? format.find('}') : std::string_view::npos;
    if (end == std::string_view::npos || next >= arguments.size()) {
      out.write("{?}");
      format.remove_prefix(end == std::string_view::npos ? 1 : end + 1);
      continue;
    }
    print_argument(out, arguments[next++], parse_spec(end > 1 && format[1] == ':' ? format.substr(2, end - 2) : ""));
    format.remove_prefix(end + 1);
  }
}

}  // namespace cv6::format_detail
