#include "task/elf.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "arch/user_memory.hpp"

namespace cv6 {

namespace {

// Elf64_Ehdr
struct Header {
  unsigned char identity[16];
  std::uint16_t type, machine;
  std::uint32_t version;
  std::uint64_t entry, program_headers, section_headers;
  std::uint32_t flags;
  std::uint16_t header_size, program_header_size, program_header_count, section_header_size, section_header_count,
      section_name_index;
};
static_assert(sizeof(Header) == elf_header_size);

// Elf32_Ehdr
struct Header32 {
  unsigned char identity[16];
  std::uint16_t type, machine;
  std::uint32_t version, entry, program_headers, section_headers, flags;
  std::uint16_t header_size, program_header_size, program_header_count, section_header_size, section_header_count,
      section_name_index;
};
static_assert(sizeof(Header32) == 52);

constexpr std::string_view magic = "\177ELF";
constexpr unsigned class_at = 4, data_at = 5;
constexpr unsigned char class_32 = 1, class_64 = 2, little_endian = 1;
constexpr std::uint16_t type_executable = 2, type_dynamic = 3, machine_386 = 3, machine_x86_64 = 62;
constexpr std::uint32_t segment_load = 1, segment_interpreter = 3, segment_stack = 0x6474e551;
constexpr std::uint32_t flag_execute = 1, flag_write = 2, flag_read = 4;
constexpr std::uint64_t largest_alignment = 1_GiB;

bool adds_up(std::uint64_t a, std::uint64_t b, std::uint64_t limit) { return b <= limit && a <= limit - b; }

Result<ElfSegment> plan_segment(const ElfProgramHeader& header, std::uint64_t file_size) {
  if (header.file_size > header.memory_size || !adds_up(header.offset, header.file_size, file_size)) return Error::noexec;
  if (!adds_up(header.virtual_address, header.memory_size, arch::user_end - page_size)) return Error::noexec;
  const std::uint64_t in_page = header.virtual_address & (page_size - 1);
  if (header.file_size && (header.offset & (page_size - 1)) != in_page) return Error::noexec;
  ElfSegment segment;
  segment.start = header.virtual_address - in_page;
  segment.file_start = header.file_size ? header.offset - in_page : 0;
  segment.file_end = header.file_size ? header.virtual_address + header.file_size : segment.start;
  segment.end = header.virtual_address + header.memory_size;
  segment.read = header.flags & flag_read;
  segment.write = header.flags & flag_write;
  segment.execute = header.flags & flag_execute;
  return segment;
}

void extend(ElfPlan& plan, const ElfProgramHeader& header, const ElfSegment& segment) {
  if (plan.segment_count == 0) plan.lowest = segment.start;
  plan.segments[plan.segment_count++] = segment;
  plan.highest = page_ceiling(segment.end);
  const std::uint64_t start = header.virtual_address, file_end = start + header.file_size;
  if (plan.segment_count == 1) plan.code_start = start;
  if (segment.execute) plan.code_end = std::max(plan.code_end, file_end);
  plan.data_start = start;
  plan.data_end = std::max(plan.data_end, file_end);
  plan.brk = std::max(plan.brk, segment.end);
  if (std::has_single_bit(header.alignment) && header.alignment <= largest_alignment)
    plan.alignment = std::max(plan.alignment, header.alignment);
}

}  // namespace

Result<ElfHeader> parse_elf_header(std::string_view head) {
  Header header;
  if (head.size() < sizeof header || !head.starts_with(magic)) return Error::noexec;
  std::memcpy(&header, head.data(), sizeof header);
  if (header.identity[class_at] != class_64 || header.identity[data_at] != little_endian) return Error::noexec;
  if (header.machine != machine_x86_64) return Error::noexec;
  if (header.type != type_executable && header.type != type_dynamic) return Error::noexec;
  if (header.program_header_size != sizeof(ElfProgramHeader)) return Error::noexec;
  if (header.program_header_count == 0 || header.program_header_count > program_headers_max) return Error::noexec;
  const auto kind = header.type == type_executable ? ElfHeader::Kind::fixed : ElfHeader::Kind::position_independent;
  return ElfHeader{kind, header.entry, header.program_headers, header.program_header_count};
}

bool is_elf32_i386(std::string_view head) {
  constexpr std::size_t machine_at = 18;
  if (head.size() < machine_at + 2 || !head.starts_with(magic) || head[class_at] != class_32) return false;
  std::uint16_t machine;
  std::memcpy(&machine, head.data() + machine_at, sizeof machine);
  return machine == machine_386;
}

Result<ElfHeader> parse_elf32_header(std::string_view head) {
  Header32 header;
  if (head.size() < sizeof header || !is_elf32_i386(head)) return Error::noexec;
  std::memcpy(&header, head.data(), sizeof header);
  if (header.identity[data_at] != little_endian || header.type != type_executable) return Error::noexec;
  if (header.program_header_size != sizeof(Elf32ProgramHeader)) return Error::noexec;
  if (header.program_header_count == 0 || header.program_header_count > program_headers_max) return Error::noexec;
  return ElfHeader{ElfHeader::Kind::fixed, header.entry, header.program_headers, header.program_header_count};
}

Result<ElfPlan> plan_flat_elf(std::span<const ElfProgramHeader> headers, std::uint64_t file_size, std::uint64_t limit) {
  ElfPlan plan;
  std::uint64_t copied = 0;
  for (const ElfProgramHeader& header : headers) {
    if (header.type == segment_interpreter) return Error::noexec;
    if (header.type != segment_load) continue;
    if (plan.segment_count == 0 && header.virtual_address != 0) return Error::noexec;
    if (plan.segment_count == ElfPlan::max_segments) return Error::noexec;
    if (header.file_size > header.memory_size || !adds_up(header.offset, header.file_size, file_size)) return Error::noexec;
    if (!adds_up(header.virtual_address, header.memory_size, limit)) return Error::noexec;
    ElfSegment segment{.file_start = header.offset, .start = header.virtual_address};
    segment.file_end = segment.start + header.file_size;
    segment.end = segment.start + header.memory_size;
    segment.read = segment.write = segment.execute = true;
    plan.segments[plan.segment_count++] = segment;
    plan.highest = std::max(plan.highest, page_ceiling(segment.end));
    plan.code_end = plan.data_end = std::max(plan.data_end, segment.file_end);
    plan.brk = std::max(plan.brk, segment.end);
    copied += header.file_size;
  }
  if (plan.segment_count == 0) return Error::noexec;
  // No linker lays segments over one another. One file's bytes many times over would be work without memory that pays for it.
  if (copied > plan.highest) return Error::noexec;
  return plan;
}

Result<ElfPlan> plan_elf(const ElfHeader& elf, std::span<const ElfProgramHeader> headers, std::uint64_t file_size) {
  ElfPlan plan;
  std::uint64_t previous_end = 0;
  for (const ElfProgramHeader& header : headers) {
    if (header.type == segment_interpreter && plan.interpreter_size == 0) {
      constexpr std::uint64_t longest = 4096;
      if (header.file_size < 2 || header.file_size > longest) return Error::noexec;
      if (!adds_up(header.offset, header.file_size, file_size)) return Error::io;
      plan.interpreter_offset = header.offset;
      plan.interpreter_size = header.file_size;
    }
    if (header.type == segment_stack) plan.executable_stack = header.flags & flag_execute;
    if (header.type != segment_load || header.memory_size == 0) continue;
    if (plan.segment_count == ElfPlan::max_segments) return Error::noexec;
    const ElfSegment segment = TRY(plan_segment(header, file_size));
    if (header.virtual_address < previous_end) return Error::noexec;  // they come in order (elf(5))
    previous_end = segment.end;
    const std::uint64_t headers_in = elf.program_headers - header.offset;
    if (elf.program_headers >= header.offset && headers_in < header.file_size && plan.headers_address == 0)
      plan.headers_address = header.virtual_address + headers_in;
    extend(plan, header, segment);
  }
  if (plan.segment_count == 0) return Error::noexec;
  if (elf.kind == ElfHeader::Kind::fixed && plan.lowest < arch::user_start) return Error::noexec;
  return plan;
}

}  // namespace cv6
