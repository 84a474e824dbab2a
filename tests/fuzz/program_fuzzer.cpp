// The first bytes of programs: ELF of both classes, and scripts. What is made of them can be carried out: nothing outside of the
// file or of the user's half, no mapped segment over another. The first byte of the input says whether the rest is a file, or the program
// headers of one that is in order otherwise: chance alone would hardly find those.
#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

#include "arch/user_memory.hpp"
#include "lib/panic.hpp"
#include "task/elf.hpp"
#include "task/script.hpp"

namespace {

using namespace cv6;

template <class ProgramHeader>
std::vector<ProgramHeader> headers_in(std::string_view file, const ElfHeader& header) {
  const std::size_t count = std::min<std::size_t>(header.program_header_count, program_headers_max);
  if (header.program_headers > file.size() || count * sizeof(ProgramHeader) > file.size() - header.program_headers) return {};
  std::vector<ProgramHeader> headers(count);
  if (count > 0) std::memcpy(headers.data(), file.data() + header.program_headers, count * sizeof(ProgramHeader));
  return headers;
}

template <class Header, class ProgramHeader>
std::string with_header(std::string_view program_headers, unsigned char elf_class, std::uint16_t machine) {
  Header header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = elf_class;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = machine;
  header.e_version = EV_CURRENT;
  header.e_phoff = header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(ProgramHeader);
  header.e_phnum = static_cast<std::uint16_t>(program_headers.size() / sizeof(ProgramHeader));
  std::string file(reinterpret_cast<const char*>(&header), sizeof header);
  file += program_headers;
  for (std::size_t i = 0; i < header.e_phnum; ++i)  // of the types that there are
    file[sizeof header + i * sizeof(ProgramHeader)] &= 3, std::memset(&file[sizeof header + i * sizeof(ProgramHeader) + 1], 0, 3);
  return file;
}

std::string file_of(std::string_view input) {
  const char kind = input.front();
  input.remove_prefix(1);
  if (kind == '6') return with_header<Elf64_Ehdr, Elf64_Phdr>(input, ELFCLASS64, EM_X86_64);
  if (kind == '3') return with_header<Elf32_Ehdr, Elf32_Phdr>(input, ELFCLASS32, EM_386);
  return std::string(input);
}

enum class Placed { in_pages, anywhere };

void check(const ElfPlan& plan, std::uint64_t file_size, std::uint64_t limit, Placed placed) {
  CV6_ASSERT(plan.segment_count <= ElfPlan::max_segments);
  std::uint64_t last_end = 0;
  for (unsigned i = 0; i < plan.segment_count; ++i) {
    const ElfSegment& segment = plan.segments[i];
    CV6_ASSERT(segment.file_end >= segment.start && segment.end >= segment.file_end);
    CV6_ASSERT(segment.end <= limit && segment.file_start <= file_size);
    CV6_ASSERT(segment.file_end - segment.start <= file_size - segment.file_start);
    if (placed == Placed::anywhere) continue;  // they are copied, one after the other
    CV6_ASSERT(segment.start % page_size == 0 && segment.file_start % page_size == 0);
    CV6_ASSERT(segment.start >= page_floor(last_end));  // two may have parts of one page
    last_end = segment.end;
  }
  if (plan.interpreter_size > 0)
    CV6_ASSERT(plan.interpreter_offset <= file_size && plan.interpreter_size <= file_size - plan.interpreter_offset);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes = file_of({reinterpret_cast<const char*>(data), size});
  const std::string_view file = bytes;
  size = file.size();
  const std::string_view head = file.substr(0, program_head_size);
  if (const auto header = parse_elf_header(head)) {
    const auto headers = headers_in<ElfProgramHeader>(file, *header);
    if (const auto plan = plan_elf(*header, headers, size)) check(*plan, size, arch::user_end, Placed::in_pages);
  }
  if (is_elf32_i386(head))
    if (const auto header = parse_elf32_header(head)) {
      constexpr std::uint64_t limit = 0x80000000;
      std::vector<ElfProgramHeader> headers;
      for (const Elf32ProgramHeader& one : headers_in<Elf32ProgramHeader>(file, *header)) headers.push_back(one.widened());
      if (const auto plan = plan_flat_elf(headers, size, limit)) check(*plan, size, limit, Placed::anywhere);
    }
  if (is_script(head))
    if (const auto line = parse_script(head)) {
      CV6_ASSERT(!line->interpreter.empty() && line->interpreter.data() + line->interpreter.size() <= head.data() + head.size());
      if (!line->argument.empty()) CV6_ASSERT(line->argument.data() + line->argument.size() <= head.data() + head.size());
    }
  return 0;
}
