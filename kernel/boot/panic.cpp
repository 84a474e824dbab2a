#include "lib/panic.hpp"

#include <atomic>

#include "arch/backtrace.hpp"
#include "arch/cpu.hpp"
#include "arch/machine.hpp"
#include "boot/symbols.hpp"
#include "dev/port.hpp"
#include "lib/format.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

constexpr unsigned nobody = ~0u;
std::atomic<unsigned> panicking_cpu{nobody};

// To the log, and to the console of whoever sits there; line by line.
template <class... Args>
void tell(std::string_view format, const Args&... args) {
  char text[1024];
  std::string_view rest = format_to(text, format, args...);
  Port* const console = ports::console();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
    log(LogLevel::error, "{}", line);
    if (!console) continue;
    console->write_in_panic(line);
    console->write_in_panic("\r\n");
  }
}

void tell_stack() {
  std::uintptr_t addresses[32];
  const unsigned count = arch::backtrace(addresses);
  for (unsigned i = 0; i < count; ++i) {
    const Symbol symbol = find_symbol(addresses[i]);
    tell("  {:016x} {}+{:x}", addresses[i], symbol.name.empty() ? "?" : symbol.name, symbol.offset);
  }
}

}  // namespace

void panic(std::string_view message, const char* file, int line) {
  unsigned first = nobody;
  if (!panicking_cpu.compare_exchange_strong(first, arch::cpu_index())) {
    if (first == arch::cpu_index()) arch::power_off(arch::PowerOff::panic);  // the panic itself broke down
    arch::halt_forever();
  }
  arch::stop_other_cpus();
  ignore_log_lock();
  set_log_device(arch::write_log_device);  // the boot may not have come that far
  tell("PANIC: {} ({}:{})", message, file, line);
  tell("processor {}, thread {}", arch::cpu_index(), arch::current_thread());
  tell_stack();
  arch::power_off(arch::PowerOff::panic);
}

}  // namespace cv6
