#include "run/machine.hpp"

#include <bit>
#include <format>
#include <string_view>

namespace cv6::host {
namespace {

using Words = std::vector<std::string>;

void append(Words& words, std::initializer_list<std::string> more) { words.insert(words.end(), more); }

void add_board(Words& words, const Machine& machine) {
  const bool microvm = machine.options.machine == MachineType::microvm;
  append(words, {"-M", microvm ? "microvm,acpi=off,pit=on,pic=on,rtc=on,isa-serial=on" : "q35"});
  append(words, {"-smp", std::to_string(machine.options.processors)});
  append(words, {"-m", std::format("{}K", machine.options.memory >> 10)});
}

// What makes instruction counts unfair between kernels is switched off.
constexpr const char* emulated_processor = "max,-erms,-pku,-la57";

// --icount: time is the number of instructions, the same in every run, whatever the date.
void add_processor(Words& words, const Machine& machine) {
  if (machine.options.timing == Timing::instruction_count) {
    const std::string shift = std::to_string(std::countr_zero(machine.options.instruction_time));
    append(words, {"-accel", "tcg,thread=single", "-icount", "shift=" + shift + ",sleep=off", "-seed", "1", "-rtc",
                   "base=2026-01-01,clock=vm", "-cpu", emulated_processor});
    return;
  }
  if (machine.options.processor == Processor::emulated) {
    // Plugins may count on the processors' not running at the same time.
    const char* threads = machine.options.plugin.empty() ? "tcg,thread=multi" : "tcg,thread=single";
    append(words, {"-accel", threads, "-cpu", emulated_processor});
    return;
  }
  append(words, {"-accel", machine.accelerator == Accelerator::kvm ? "kvm" : "tcg,thread=multi", "-cpu", "max"});
}

void add_kernel(Words& words, const Machine& machine) {
  append(words, {"-kernel", machine.kernel, "-initrd", machine.image});
  if (!machine.options.append.empty()) append(words, {"-append", machine.options.append});
  append(words, {"-device", "isa-debug-exit,iobase=0xf4,iosize=4"});
  append(words, {"-add-fd", std::format("fd={},set=1", machine.kernel_log)});
  append(words, {"-chardev", "file,id=log,path=/dev/fdset/1,append=on", "-serial", "chardev:log"});
}

void add_ports(Words& words, const Machine& machine) {
  const bool microvm = machine.options.machine == MachineType::microvm;
  append(words, {"-global", "virtio-mmio.force-legacy=false"});
  append(words, {"-device", microvm ? "virtio-serial-device" : "virtio-serial-pci,disable-legacy=on"});
  for (const Port& port : machine.ports) {
    const std::string id = std::format("port{}", &port - machine.ports.data() + 1);
    append(words, {"-chardev", port.socket < 0 ? std::format("null,id={}", id)
                                               : std::format("socket,id={},fd={}", id, port.socket)});
    append(words, {"-device", std::format("virtserialport,chardev={},name={}", id, port.name)});
  }
}

}  // namespace

std::vector<std::string> qemu_command(const Machine& machine) {
  Words words = {"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"};
  add_board(words, machine);
  add_processor(words, machine);
  add_kernel(words, machine);
  add_ports(words, machine);
  if (!machine.options.plugin.empty()) append(words, {"-plugin", machine.options.plugin});
  if (!machine.options.monitor.empty()) {
    append(words, {"-monitor", std::format("unix:{},server=on,wait=off", machine.options.monitor)});
  }
  if (!machine.gdb_socket.empty()) {
    append(words, {"-S", "-gdb", std::format("unix:{},server=on,wait=off", machine.gdb_socket.string())});
  }
  return words;
}

}  // namespace cv6::host
