#include "abi/linux/operations.hpp"

#include "abi/linux/errno.hpp"
#include "abi/linux/signal_frame.hpp"
#include "abi/linux/types_time.hpp"
#include "abi/linux/vdso.hpp"
#include "abi/user_pointer.hpp"
#include "task/argument_strings.hpp"
#include "task/process.hpp"
#include "task/user_thread.hpp"

namespace cv6 {
namespace linux_abi {
namespace {

constexpr std::uint64_t restart_syscall_number = 219;

// What a program is told about itself and the system (getauxval(3); elf.h, AT_*).
enum Auxiliary : std::uint64_t {
  at_null = 0, at_phdr = 3, at_phent = 4, at_phnum = 5, at_pagesz = 6, at_base = 7, at_flags = 8, at_entry = 9,
  at_uid = 11, at_euid = 12, at_gid = 13, at_egid = 14, at_platform = 15, at_clktck = 17, at_secure = 23, at_random = 25,
  at_execfn = 31, at_sysinfo_ehdr = 33, at_minsigstksz = 51
};
constexpr std::size_t program_header_size = 56;
constexpr char platform[16] = "x86_64";

// The words from the program's stack pointer up: argc, argv, envp, auxv (System V ABI, 3.4.1 "Initial Stack").
class StackWords {
 public:
  Result<void> put(std::uint64_t word) { return words_.push_back(word); }
  Result<void> put(std::uint64_t key, std::uint64_t value) {
    TRY(put(key));
    return put(value);
  }
  Result<void> put(std::span<const std::uintptr_t> addresses) {
    for (const std::uintptr_t address : addresses) TRY(put(address));
    return put(0);
  }
  std::span<const std::uint64_t> words() const { return words_; }
  Result<void> reserve(std::size_t count) { return words_.reserve(count); }

 private:
  Vector<std::uint64_t> words_;
};

Result<void> put_auxiliary(StackWords& to, const InitialStack& stack, std::uintptr_t platform_address,
                           std::uintptr_t vdso) {
  TRY(to.put(at_phdr, stack.program_headers));
  TRY(to.put(at_phent, program_header_size));
  TRY(to.put(at_phnum, stack.program_header_count));
  TRY(to.put(at_pagesz, page_size));
  TRY(to.put(at_base, stack.interpreter_base));
  TRY(to.put(at_flags, 0));
  TRY(to.put(at_entry, stack.entry));
  TRY(to.put(at_uid, stack.user));
  TRY(to.put(at_euid, stack.effective_user));
  TRY(to.put(at_gid, stack.group));
  TRY(to.put(at_egid, stack.effective_group));
  TRY(to.put(at_platform, platform_address));
  TRY(to.put(at_clktck, ticks_per_second));
  TRY(to.put(at_secure, stack.secure));
  TRY(to.put(at_random, stack.random_bytes));
  TRY(to.put(at_execfn, stack.path));
  if (vdso) TRY(to.put(at_sysinfo_ehdr, vdso));
  // A handler's frame, and what the least useful handler itself needs.
  TRY(to.put(at_minsigstksz, minimum_signal_stack + arch::fpu_image_size()));
  return to.put(at_null, 0);
}

constinit LinuxOperations operations;

}  // namespace

Result<std::size_t> LinuxOperations::stack_needed(const ArgumentStrings& arguments, std::string_view path) const {
  // Pointers' ends, auxiliary vector, alignment.
  constexpr std::size_t overhead = 1024;
  const std::size_t pointers = (arguments.argument_count() + arguments.environment_count()) * sizeof(std::uintptr_t);
  return arguments.size() + pointers + path.size() + overhead;
}

Result<std::uintptr_t> LinuxOperations::build_stack(UserThread& thread, const InitialStack& stack) const {
  constexpr std::size_t most_auxiliary_words = 40;
  const std::uintptr_t platform_address = stack.top - sizeof platform;
  if (arch::copy_to_user(platform_address, platform, sizeof platform) != 0) return Error::fault;
  StackWords words;
  TRY(words.reserve(stack.strings.size() + 3 + most_auxiliary_words));
  TRY(words.put(stack.argument_count));
  TRY(words.put(stack.strings.first(stack.argument_count)));
  TRY(words.put(stack.strings.subspan(stack.argument_count)));
  TRY(put_auxiliary(words, stack, platform_address, TRY(map_vdso(thread.process().address_space()))));
  const std::uintptr_t pointer = (platform_address - words.words().size_bytes()) & ~std::uintptr_t{15};
  TRY(UserPtr<std::uint64_t>(pointer).write_array(words.words()));
  return pointer;
}

void LinuxOperations::start_program(UserThread&, arch::UserRegisters& registers, std::uintptr_t entry,
                                    std::uintptr_t stack_pointer) const {
  registers = arch::UserRegisters::initial(entry, stack_pointer);
}

void LinuxOperations::fail_interrupted_call(arch::UserRegisters& registers) const {
  registers.set_result(-errno_of(Error::intr));
}

std::uint64_t LinuxOperations::restart_call_number() const { return restart_syscall_number; }

}  // namespace linux_abi

Result<void> initialise_linux_abi() {
  linux_abi::initialise_signal_frames();
  register_abi(ProgramKind::elf64_x86_64, linux_abi::operations);
  return linux_abi::initialise_vdso();
}

}  // namespace cv6
