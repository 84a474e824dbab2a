#include "abi/xv6/operations.hpp"

#include "abi/user_pointer.hpp"
#include "abi/xv6/devices.hpp"
#include "abi/xv6/types.hpp"
#include "arch/cpu.hpp"
#include "task/argument_strings.hpp"
#include "task/container_console.hpp"
#include "task/exit.hpp"
#include "task/messages.hpp"

namespace cv6 {
namespace xv6_abi {
namespace {

using Word = std::uint32_t;

constexpr Word return_address = 0xffffffff;  // of main: fetching there is the end of a program that returns from it
// The return address, argc, argv, and the null that ends the array it points to.
constexpr std::size_t words_beside_arguments = 4;

}  // namespace

constinit const Xv6Operations operations;

Result<std::size_t> Xv6Operations::stack_needed(const ArgumentStrings& arguments, std::string_view) const {
  if (arguments.argument_count() > most_arguments) return Error::toobig;
  const std::size_t strings = (arguments.size() + sizeof(Word) - 1) & ~(sizeof(Word) - 1);
  return strings + (arguments.argument_count() + words_beside_arguments) * sizeof(Word);
}

Result<std::uintptr_t> Xv6Operations::build_stack(UserThread&, const InitialStack& stack) const {
  const std::size_t count = stack.argument_count;
  const std::uintptr_t top = stack.top & ~(sizeof(Word) - 1);
  const std::uintptr_t pointer = top - (count + words_beside_arguments) * sizeof(Word);
  Word words[words_beside_arguments + most_arguments] = {return_address, static_cast<Word>(count),
                                                         static_cast<Word>(pointer + 3 * sizeof(Word))};
  for (std::size_t i = 0; i < count; ++i) words[3 + i] = static_cast<Word>(stack.strings[i]);
  TRY(UserPtr<Word>(pointer).write_array(std::span<const Word>(words, count + words_beside_arguments)));
  return pointer;
}

void Xv6Operations::start_program(UserThread& thread, arch::UserRegisters& registers, std::uintptr_t entry,
                                  std::uintptr_t stack_pointer) const {
  forget_message_handler(thread);
  thread.set_pointers(arch::initial_thread_pointers(arch::CodeWidth::bits_32));
  registers = arch::UserRegisters::initial_32(entry, stack_pointer);
}

// No program of this ABI has a handler for a signal.
Result<void> Xv6Operations::push_signal_frame(UserThread&, arch::UserRegisters&, const SignalInfo&, const SignalAction&,
                                              std::uintptr_t, SignalSet) const {
  return Error::fault;
}

namespace {

// What the handler finds on its stack: where it returns to, which is the code behind, and the message itself.
struct MessageFrame {
  Word return_address;
  std::byte message[sizeof(MessageBytes)];
  std::uint8_t code[8];
};
static_assert(sizeof(MessageFrame) == 20);
constexpr std::uint8_t call_sigret[8] = {0xb8, 31, 0, 0, 0, 0xcd, 0x40, 0x90};  // movl $31, %eax; int $0x40

void print_death(const UserThread& thread, const arch::UserRegisters& registers, const arch::Fault& fault) {
  char bytes[160];
  print_on_console(format_to(bytes, "pid {} {}: trap {} err {} on cpu {} eip 0x{:x} addr 0x{:x}--kill proc\n",
                             thread.process().number(), thread.name.view(), fault.vector, fault.error_code,
                             arch::cpu_index(), registers.instruction_pointer(), fault.address));
}

}  // namespace

void Xv6Operations::enter_message_handler(UserThread& thread, arch::UserRegisters& registers, std::uintptr_t handler,
                                          std::span<const std::byte> bytes) const {
  const auto top = static_cast<Word>(registers.stack_pointer()) & ~(sizeof(Word) - 1);
  const std::uintptr_t place = (top - sizeof(MessageFrame)) & UINT32_MAX;
  MessageFrame frame{.return_address = static_cast<Word>(place + offsetof(MessageFrame, code))};
  std::ranges::copy(bytes, frame.message);
  std::ranges::copy(call_sigret, frame.code);
  if (!UserPtr<MessageFrame>(place).write(frame)) {
    // As if it had pushed the frame itself.
    constexpr std::uint64_t user_write = 6;
    print_death(thread, registers, {.kind = arch::Fault::Kind::page, .address = place, .vector = 14, .error_code = user_write});
    exit_process({WaitStatus::Kind::killed, signal::segmentation});
  }
  registers = arch::UserRegisters::initial_32(handler, place);
}

void Xv6Operations::on_program_fault(UserThread& thread, const arch::UserRegisters& registers, const SignalInfo& info,
                                     const arch::Fault& fault) const {
  const std::uintptr_t instruction = registers.instruction_pointer();
  if (fault.kind == arch::Fault::Kind::page && instruction == return_address && fault.address == return_address)
    exit_process({WaitStatus::Kind::exited, 0});
  print_death(thread, registers, fault);
  exit_process({WaitStatus::Kind::killed, info.number});
}

}  // namespace xv6_abi

Result<void> initialise_xv6_abi() {
  register_abi(ProgramKind::elf32_i386, xv6_abi::operations);
  return xv6_abi::initialise_devices();
}

}  // namespace cv6
