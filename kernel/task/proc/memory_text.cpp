#include "task/proc/memory_text.hpp"

namespace cv6::proc {

namespace {

void print_kilobytes(Output& out, std::string_view name, std::uint64_t bytes) {
  print(out, "{:<16}{:8} kB\n", name, bytes / 1024);
}

}  // namespace

void print_mapping(Output& out, const MappingFacts& facts) {
  char head[128];
  const std::string_view text =
      format_to(head, "{:08x}-{:08x} {:c}{:c}{:c}{:c} {:08x} {:02x}:{:02x} {} ", facts.start, facts.end,
                facts.protection.read ? 'r' : '-', facts.protection.write ? 'w' : '-', facts.protection.execute ? 'x' : '-',
                facts.sharing == MapRequest::Sharing::shared ? 's' : 'p', facts.offset, device_major(facts.device),
                device_minor(facts.device), facts.inode);
  if (facts.name.empty()) return print(out, "{}\n", text);
  print(out, "{:<72} ", text);
  std::string_view rest = facts.name;
  for (std::size_t line; (line = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(line + 1)) {
    out.write(rest.substr(0, line));
    out.write("\\012");
  }
  out.write(rest);
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
    print_kilobytes(out, "Size:", facts.size);
    print_kilobytes(out, "KernelPageSize:", page_size);
    print_kilobytes(out, "MMUPageSize:", page_size);
  }
  print_kilobytes(out, "Rss:", facts.resident);
  print_kilobytes(out, "Pss:", facts.proportional);
  print_kilobytes(out, "Shared_Clean:", facts.shared_clean);
  print_kilobytes(out, "Shared_Dirty:", facts.shared_dirty);
  print_kilobytes(out, "Private_Clean:", facts.private_clean);
  print_kilobytes(out, "Private_Dirty:", facts.private_dirty);
  print_kilobytes(out, "Anonymous:", facts.anonymous);
  print_kilobytes(out, "Swap:", 0);
  print_kilobytes(out, "SwapPss:", 0);
  print_kilobytes(out, "Locked:", 0);
}

}  // namespace cv6::proc
