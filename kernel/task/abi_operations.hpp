// What of running programs is a matter of their ABI: layouts on the user stack. abi/ implements it, one object for each
// ABI; a process has the one that its program was made for.
#pragma once

#include <span>
#include <string_view>

#include "arch/context.hpp"
#include "arch/upcalls.hpp"
#include "lib/result.hpp"
#include "task/signal.hpp"

namespace cv6 {

class ArgumentStrings;
class UserThread;

// A new program's stack, as far as it does not depend on the ABI. The strings are already in user memory, one after the
// other, each with its NUL: argument_count arguments from `arguments_start`, then environment_count ones of the
// environment from `environment_start` up to `environment_end`. Below `top` everything is free (16-byte aligned).
struct InitialStack {
  std::uintptr_t top = 0;
  std::size_t argument_count = 0, environment_count = 0;
  std::uintptr_t arguments_start = 0, environment_start = 0, environment_end = 0;
  // The address of each string in order, arguments first.
  std::span<const std::uintptr_t> strings;
  std::uintptr_t path = 0;          // of the program, as exec got it (AT_EXECFN)
  std::uintptr_t random_bytes = 0;  // 16 of them (AT_RANDOM)
  // About the program's image (getauxval(3)).
  std::uintptr_t program_headers = 0;
  std::size_t program_header_count = 0;
  std::uintptr_t entry = 0;             // the program's own
  std::uintptr_t interpreter_base = 0;  // 0: none
  std::uint32_t user = 0, effective_user = 0, group = 0, effective_group = 0;
  bool secure = false;  // set-user-ID and the like: AT_SECURE
};

class AbiOperations {
 public:
  virtual std::string_view name() const = 0;

  // How many open files the programs expect to have, whatever RLIMIT_NOFILE allows.
  virtual std::uint64_t most_open_files() const { return UINT64_MAX; }

  // exec: room on the stack for the strings, the program's path, and all that build_stack adds. Error::toobig: more
  // arguments than the ABI has.
  virtual Result<std::size_t> stack_needed(const ArgumentStrings& arguments, std::string_view path) const = 0;
  // exec: writes what the ABI wants below stack.top in the current address space (argc, argv, envp, auxv); returns the
  // stack pointer that the program starts with. Error::fault, Error::nomem: no room.
  virtual Result<std::uintptr_t> build_stack(UserThread& thread, const InitialStack& stack) const = 0;
  // exec: registers as a program finds them at its first instruction.
  virtual void start_program(UserThread& thread, arch::UserRegisters& registers, std::uintptr_t entry,
                             std::uintptr_t stack_pointer) const = 0;

  // Writes the frame for a handler at `stack_limit` or below (page alignment and red zone are the ABI's concern) and
  // changes the registers so that the handler runs next. `saved_mask` is what sigreturn restores. The interrupted
  // registers, thread.save_fpu() and thread.alternate_stack go into the frame; sigreturn is a system call of the ABI,
  // which uses thread.change_fpu() and set_mask(). Error::fault: the frame does not fit (the caller forces SIGSEGV).
  virtual Result<void> push_signal_frame(UserThread& thread, arch::UserRegisters& registers, const SignalInfo& info,
                                         const SignalAction& action, std::uintptr_t stack_limit,
                                         SignalSet saved_mask) const = 0;

  // The program did what it must not, and `info` is Linux' signal for it: sends that, and notes it in the log if it ends the
  // program. May not return.
  virtual void on_program_fault(UserThread& thread, const arch::UserRegisters& registers, const SignalInfo& info,
                                const arch::Fault& fault) const;

  // Changes the registers so that the program's handler for messages runs next, with these bytes. What was interrupted is kept
  // (messages.hpp). May end the process. An ABI without such handlers is never asked.
  virtual void enter_message_handler(UserThread& thread, arch::UserRegisters& registers, std::uintptr_t handler,
                                     std::span<const std::byte> bytes) const;

  // An interrupted call that is not made again ends like this (EINTR).
  virtual void fail_interrupted_call(arch::UserRegisters& registers) const = 0;
  // The number of the call that continues a timed one: restart_syscall(2).
  virtual std::uint64_t restart_call_number() const = 0;

 protected:
  ~AbiOperations() = default;
};

// By the class and machine that an ELF file names. Registered at boot by abi/; null: no such ABI here.
enum class ProgramKind : std::uint8_t { elf64_x86_64, elf32_i386 };
const AbiOperations* abi_operations(ProgramKind kind);
void register_abi(ProgramKind kind, const AbiOperations& operations);

}  // namespace cv6
