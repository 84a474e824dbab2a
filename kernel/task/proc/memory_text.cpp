#include "task/proc/memory_text.hpp"

namespace cv6::proc {

namespace {

void print_kilobytes(Output& out, std::string_view name, std::uint64_t bytes) {
  char head[24];
  print(out, "{:<16}{:8} kB\n", format_to(head, "{}:", name), bytes / 1024);
}

// Counts what it passes on.
class Counting final : public Output {
 public:
  explicit Counting(Output& to) : to_(to) {}
  void write(std::string_view text) override {
    count_ += text.size();
    to_.write(text);
  }
  std::size_t count() const { return count_; }

 private:
  Output& to_;
  std::size_t count_ = 0;
};

}  // namespace

void print_mapping(Output& to, const MappingFacts& facts) {
  constexpr std::size_t name_column = 73;
  Counting out(to);
  print(out, "{:08x}-{:08x} {:c}{:c}{:c}{:c} {:08x} {:02x}:{:02x} {} ", facts.start, facts.end,
        facts.protection.read ? 'r' : '-', facts.protection.write ? 'w' : '-', facts.protection.execute ? 'x' : '-',
        facts.sharing == MapRequest::Sharing::shared ? 's' : 'p', facts.offset, device_major(facts.device),
        device_minor(facts.device), facts.inode);
  if (!facts.name.empty()) {
    do out.write(" ");
    while (out.count() < name_column);
    for (char c : facts.name) {
      if (c == '\n')
        out.write("\\012");
      else
        out.write({&c, 1});
    }
  }
  out.write("\n");
}

void ResidentFacts::add(const ResidentFacts& other) {
  size += other.size;
  resident += other.resident;
  proportional += other.proportional;
  shared_clean += other.shared_clean;
  shared_dirty += other.shared_dirty;
  private_clean += other.private_clean;
  private_dirty += other.private_dirty;
  anonymous += other.anonymous;
}

void print_resident(Output& out, const ResidentFacts& facts, SmapsKind kind) {
  if (kind == SmapsKind::mapping) {
    print_kilobytes(out, "Size", facts.size);
    print_kilobytes(out, "KernelPageSize", page_size);
    print_kilobytes(out, "MMUPageSize", page_size);
  }
  print_kilobytes(out, "Rss", facts.resident);
  print_kilobytes(out, "Pss", facts.proportional);
  print_kilobytes(out, "Shared_Clean", facts.shared_clean);
  print_kilobytes(out, "Shared_Dirty", facts.shared_dirty);
  print_kilobytes(out, "Private_Clean", facts.private_clean);
  print_kilobytes(out, "Private_Dirty", facts.private_dirty);
  print_kilobytes(out, "Anonymous", facts.anonymous);
  print_kilobytes(out, "Swap", 0);
  print_kilobytes(out, "SwapPss", 0);
  print_kilobytes(out, "Locked", 0);
}

}  // namespace cv6::proc
