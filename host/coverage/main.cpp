// cv6-coverage: writes docs/system-calls.md to standard output, from the rows of the kernel's call table.
#include <algorithm>
#include <iterator>
#include <print>
#include <string_view>

namespace {

enum class State { complete, partial, refused, absent };

struct Row {
  int number;
  std::string_view name;
  State state;
  std::string_view note;
  std::string_view error = "";
};

constexpr Row rows[] = {
#define CV6_CALL(number, name) {number, #name, State::complete, ""},
#define CV6_PARTIAL(number, name, missing) {number, #name, State::partial, missing},
#define CV6_REFUSED(number, name, error, why) {number, #name, State::refused, why, #error},
#define CV6_ABSENT(number, name, why) {number, #name, State::absent, why, "nosys"},
#include "abi/linux/calls.def"
};
constexpr int first_own_number = 1024;

long count(State state) {
  return std::ranges::count_if(rows, [=](const Row& row) { return row.state == state && row.number < first_own_number; });
}

std::string errno_name(std::string_view error) {
  std::string name = "E";
  for (const char c : error) name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

void print_row(const Row& row) {
  switch (row.state) {
    case State::complete: return std::println("| {} | `{}` | complete | |", row.number, row.name);
    case State::partial: return std::println("| {} | `{}` | partial | {} |", row.number, row.name, row.note);
    case State::refused:
    case State::absent:
      return std::println("| {} | `{}` | {} | {} |", row.number, row.name, errno_name(row.error), row.note);
  }
}

void print_table(bool own) {
  std::println("| number | call | | what is missing, or why |\n|---:|---|---|---|");
  for (const Row& row : rows)
    if ((row.number >= first_own_number) == own) print_row(row);
}

}  // namespace

int main() {
  std::println("# System calls\n");
  std::println("Written by `cv6-coverage` from the rows of the call table (kernel/abi/linux/calls.def); do not edit.\n");
  std::println("Of the calls of Linux on x86-64, {} are complete, {} lack what the table says (asking for that fails, as "
               "documented\nfor kernels without it), {} are always refused, and {} are not there: they fail with ENOSYS, "
               "and a line in the kernel's\nlog says so once for each program. A number that is not in the table is such a "
               "call, too.\n",
               count(State::complete), count(State::partial), count(State::refused), count(State::absent));
  std::println("## Linux\n");
  print_table(false);
  std::println("\n## cv6\n\nWhat they do is in user/include/cv6/container.hpp.\n");
  print_table(true);
}
