// A program on its way into a process: found, read and checked, then mapped into an address space that nobody uses yet.
// Nothing here touches the calling process, so everything here can fail. Private to task/ (exec.cpp).
#pragma once

#include "fs/operations.hpp"
#include "task/abi_operations.hpp"
#include "task/argument_strings.hpp"
#include "task/elf.hpp"
#include "task/process.hpp"

namespace cv6 {

// One ELF file.
struct ElfFile {
  Ref<File> file;
  ElfHeader header;
  ElfPlan plan;
  std::uintptr_t bias = 0;  // added to the addresses of the plan, once it is mapped
};

struct ProgramImage {
  enum class Shape : std::uint8_t { segments, flat } shape = Shape::segments;  // flat: see flat_program.hpp
  Own<ElfFile> program;
  Own<ElfFile> interpreter;  // null: none
  const AbiOperations* abi = nullptr;
  Ref<Executable> executable;
  Ref<AddressSpace> address_space;
  std::uintptr_t stack_top = 0;  // page-aligned; the stack's mapping ends there

  std::uintptr_t entry() const;  // where it begins: in the interpreter, if there is one
};

// Bytes of a program's file; returns how many there were.
Result<std::size_t> read_program(File& file, std::uint64_t offset, std::span<char> to);
// Follows `#!` lines, which change `arguments`; reads and checks headers, finds the interpreter. `path`: what exec was
// given. What cannot be run is noted in the kernel's log, on behalf of `container`. Errors as of execve(2).
Result<ProgramImage> load_program(Container& container, const Caller& caller, Ref<File> file, std::string_view path,
                                  ArgumentStrings& arguments);
// Makes the image's address space, charged to the memory of the process's container and bounded by its limits, with everything
// mapped; a stack with room for `stack_needed` bytes.
Result<void> map_program(ProgramImage& image, Process& process, std::size_t stack_needed);
// With the image's address space current: the bytes behind the files' ends are zeroed. Error::fault, Error::nomem.
Result<void> clear_tails(const ProgramImage& image);

}  // namespace cv6
