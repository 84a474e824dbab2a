// Flat programs, the kind of 32 bits that can be run: one piece of memory from address 0 on. Everything in it may be read,
// written and executed, and all of it is there from the start, so that it never has to be waited for or refused later.
//
//   0            the image, up to a page's end
//   then         a page that is not there, which a stack that runs over hits
//   then         the stack, one page
//   then         the heap, which grows up to flat_program_end
//
// Private to task/, but for the end.
#pragma once

#include "task/program_image.hpp"

namespace cv6 {

inline constexpr std::uintptr_t flat_program_end = 0x80000000;

// Error::noexec: it is none (a program of 32 bits for another system).
Result<Own<ElfFile>> read_flat_program(Ref<File> file, std::string_view head);
// As map_program() (program_image.hpp); the file's bytes are copied. Error::toobig: `stack_needed` is more than a page.
// Error::intr: the process is being ended.
Result<void> map_flat_program(ProgramImage& image, Process& process, std::size_t stack_needed);

}  // namespace cv6
