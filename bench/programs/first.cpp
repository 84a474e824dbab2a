// An init that reads the time-stamp counter in its very first instruction, before it touches anything else: under
// -icount that is the number of instructions from reset to the first instruction of user space. Static, without libc.
//
// Prints `boot_to_user COUNT`, to the port that `./cv6 run` passes on as a command's standard output if there is one,
// else on its own standard output, which is the console of an init; and turns the machine off. Where a kernel cannot do
// that (Linux without ACPI) it goes on waiting, and who booted it has to end the machine.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

enum class Call : long { write = 1, open = 2, pause = 34, reboot = 169 };

constexpr const char* output_port = "/dev/virtio-ports/cv6.stdout";
constexpr long write_only = 1;  // O_WRONLY

constexpr long reboot_magic = static_cast<int>(0xfee1dead);  // reboot(2): sign-extended, as libc passes it
constexpr long reboot_magic2 = 0x28121969;
constexpr long reboot_power_off = 0x4321fedc;

long call(Call number, long first = 0, long second = 0, long third = 0) {
  long result = static_cast<long>(number);
  asm volatile("syscall" : "+a"(result) : "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
  return result;
}

/// One line, assembled from the back, for there is no printf here.
class Line {
 public:
  explicit Line(std::uint64_t count) {
    push('\n');
    do {
      push(static_cast<char>('0' + count % 10));
      count /= 10;
    } while (count != 0);
    constexpr std::string_view name = "boot_to_user ";
    for (auto letter = name.rbegin(); letter != name.rend(); ++letter) push(*letter);
  }

  [[nodiscard]] std::string_view text() const { return {text_.data() + start_, text_.size() - start_}; }

 private:
  void push(char letter) { text_[--start_] = letter; }

  std::array<char, 40> text_;  // holds the name, 20 digits and the line end
  std::size_t start_ = text_.size();
};

}  // namespace

extern "C" [[noreturn]] void report(std::uint64_t count) {
  const Line line{count};
  const long port = call(Call::open, reinterpret_cast<long>(output_port), write_only);
  call(Call::write, port < 0 ? 1 : port, reinterpret_cast<long>(line.text().data()),
       static_cast<long>(line.text().size()));
  call(Call::reboot, reboot_magic, reboot_magic2, reboot_power_off);
  for (;;) call(Call::pause);
}

extern "C" [[noreturn, gnu::naked]] void _start() {
  asm(R"(
    rdtsc
    shlq $32, %rdx
    leaq (%rdx,%rax), %rdi
    andq $-16, %rsp
    call report
    ud2
  )");
}
