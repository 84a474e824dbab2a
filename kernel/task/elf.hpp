// ELF programs: from untrusted bytes to a plan of what is to be mapped. elf(5), System V ABI. Nothing here has side
// effects; a plan that was made can be carried out without overflow, whatever the file contained.
//
// Programs of 64 bits are mapped segment by segment. Of those of 32 bits only flat ones can be run: all from address 0 on,
// copied into one piece of memory (flat_program.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "lib/result.hpp"
#include "lib/units.hpp"

namespace cv6 {

struct ElfHeader {
  enum class Kind : std::uint8_t { fixed, position_independent };  // ET_EXEC, ET_DYN
  Kind kind;
  std::uint64_t entry;
  std::uint64_t program_headers;  // offset in the file
  std::uint16_t program_header_count;
};
inline constexpr std::size_t elf_header_size = 64;  // Elf64_Ehdr
struct ElfProgramHeader {  // Elf64_Phdr
  std::uint32_t type, flags;
  std::uint64_t offset, virtual_address, physical_address, file_size, memory_size, alignment;
};
static_assert(sizeof(ElfProgramHeader) == 56);

// Error::noexec: not an ELF64 program for x86-64.
Result<ElfHeader> parse_elf_header(std::string_view head);
// A header of a 32-bit x86 program.
bool is_elf32_i386(std::string_view head);
// The same for those, in the words of the larger format. Error::noexec: not one, or not ET_EXEC.
Result<ElfHeader> parse_elf32_header(std::string_view head);
struct Elf32ProgramHeader {
  std::uint32_t type, offset, virtual_address, physical_address, file_size, memory_size, flags, alignment;
  ElfProgramHeader widened() const {
    return {type, flags, offset, virtual_address, physical_address, file_size, memory_size, alignment};
  }
};
static_assert(sizeof(Elf32ProgramHeader) == 32);

// One PT_LOAD, in whole pages; addresses without the load bias.
struct ElfSegment {
  std::uint64_t file_start = 0;   // page-aligned offset
  std::uint64_t start = 0;        // page-aligned address
  std::uint64_t file_end = 0;     // address where bytes of the file end (not aligned); == start: none
  std::uint64_t end = 0;          // address where its memory ends (not aligned)
  bool read = false, write = false, execute = false;
  // The rest of the last page of file bytes is zeroed (what is beyond it is anonymous).
  bool has_tail() const { return end > file_end && (file_end & (page_size - 1)) != 0; }
};

struct ElfPlan {
  static constexpr unsigned max_segments = 64;
  ElfSegment segments[max_segments];
  unsigned segment_count = 0;
  std::uint64_t lowest = 0, highest = 0;      // page-aligned; without bias
  std::uint64_t alignment = page_size;        // of the bias, for a position-independent one
  std::uint64_t headers_address = 0;          // of the program headers in memory; 0: not mapped
  std::uint64_t interpreter_offset = 0, interpreter_size = 0;  // of PT_INTERP's text in the file; size 0: none
  bool executable_stack = false;              // PT_GNU_STACK says so
  std::uint64_t code_start = 0, code_end = 0, data_start = 0, data_end = 0, brk = 0;
};
// `file_size` bounds everything. Error::noexec: segments that overlap, wrap, or lie outside the user's half. Error::io:
// the interpreter's name lies outside the file.
Result<ElfPlan> plan_elf(const ElfHeader& header, std::span<const ElfProgramHeader> headers, std::uint64_t file_size);

// One that is copied to where it belongs, so that offsets need no alignment: `start` and `file_start` have none here, and
// `end` is beyond the zeros behind the file's bytes. Error::noexec: it does not begin at address 0, has an interpreter, or
// ends beyond `limit`; besides the above.
Result<ElfPlan> plan_flat_elf(std::span<const ElfProgramHeader> headers, std::uint64_t file_size, std::uint64_t limit);

inline constexpr std::size_t program_headers_max = 73;  // as many as fit into a page: what Linux reads

}  // namespace cv6
