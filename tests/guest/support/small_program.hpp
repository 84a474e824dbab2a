#pragma once
// The smallest program: an ELF file of one segment with the headers and a few bytes of machine code.

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cv6::guest {

template <std::size_t code_size>
struct [[gnu::packed]] ProgramOf {
  static constexpr std::uint64_t base = 0x400000;

  Elf64_Ehdr header{};
  Elf64_Phdr segment{};
  unsigned char code[code_size];

  explicit ProgramOf(const unsigned char (&bytes)[code_size]) {
    memcpy(header.e_ident, "\177ELF", 4);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_entry = base + offsetof(ProgramOf, code);
    header.e_phoff = offsetof(ProgramOf, segment);
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof segment;
    header.e_phnum = 1;
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_vaddr = segment.p_paddr = base;
    segment.p_filesz = segment.p_memsz = sizeof(ProgramOf);
    segment.p_align = 4096;
    memcpy(code, bytes, sizeof code);
  }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(this), sizeof *this}; }
};

}  // namespace cv6::guest
