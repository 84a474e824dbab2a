// A plugin of QEMU that counts the guest's instructions, those of the kernel apart from those of programs: whose an
// instruction is tells the half of the address space that it is in. Both Linux and cv6 have the upper one.
//
// Programs say by markers (markers.hpp) what belongs to what. To the file that the argument `log=FILE` names it writes
//   metric                   the next metric begins
//   only_loop                the batches of this metric until now do not count
//   batch KERNEL USER        what was executed between the two markers of a batch, by all processors
// Instructions are counted one by one as they are executed, not by blocks, which a fault can leave in the middle. One that
// faults counts each time that it is tried. The counters are not atomic: QEMU must run all processors in one thread, as
// it does under -icount.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "markers.hpp"
#include "qemu_plugin.hpp"

namespace {

using cv6::bench::Marker;

struct Counts {
  std::uint64_t kernel = 0;
  std::uint64_t user = 0;
};

Counts executed;
Counts at_begin;  ///< of the batch
int log_file = -1;

void write_line(const char* text, int length) {
  // There is nobody to tell if it fails: who reads the log misses the line.
  if (::write(log_file, text, static_cast<std::size_t>(length)) < length) ::close(log_file);
}

void write_batch() {
  std::array<char, 64> line;
  const std::uint64_t kernel = executed.kernel - at_begin.kernel;
  const std::uint64_t user = executed.user - at_begin.user;
  const int length = std::snprintf(line.data(), line.size(), "batch %ju %ju\n", kernel, user);
  write_line(line.data(), length);
}

template <Marker marker>
void reached(unsigned, void*) {
  switch (marker) {
    case Marker::metric: return write_line("metric\n", 7);
    case Marker::only_loop: return write_line("only_loop\n", 10);
    case Marker::batch_begin: at_begin = executed; return;
    case Marker::batch_end: return write_batch();
  }
}

constexpr std::array<qemu_plugin_vcpu_udata_cb_t, cv6::bench::markers> when_reached{
    reached<Marker::metric>, reached<Marker::only_loop>, reached<Marker::batch_begin>, reached<Marker::batch_end>};

/// What to do when `instruction` is executed, if it is a marker; else null.
qemu_plugin_vcpu_udata_cb_t marker_of(const qemu_plugin_insn* instruction) {
  using cv6::bench::marker_opcode;
  std::uint32_t displacement = 0;
  if (qemu_plugin_insn_size(instruction) != sizeof marker_opcode + sizeof displacement) return nullptr;
  const auto* bytes = static_cast<const unsigned char*>(qemu_plugin_insn_data(instruction));
  if (std::memcmp(bytes, marker_opcode, sizeof marker_opcode) != 0) return nullptr;
  std::memcpy(&displacement, bytes + sizeof marker_opcode, sizeof displacement);
  const std::uint32_t number = displacement - cv6::bench::marker_base;
  return number < when_reached.size() ? when_reached[number] : nullptr;
}

void translated(qemu_plugin_id_t, qemu_plugin_tb* block) {
  for (std::size_t i = 0; i < qemu_plugin_tb_n_insns(block); ++i) {
    qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(block, i);
    const bool upper_half = qemu_plugin_insn_vaddr(instruction) >> 63 != 0;
    std::uint64_t* counter = upper_half ? &executed.kernel : &executed.user;
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, counter, 1);
    if (const auto marker = marker_of(instruction)) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, marker, QEMU_PLUGIN_CB_NO_REGS, nullptr);
    }
  }
}

}  // namespace

int qemu_plugin_version = 1;

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t*, int count, char** arguments) {
  constexpr char option[] = "log=";
  if (count != 1 || std::strncmp(arguments[0], option, sizeof option - 1) != 0) return 1;
  log_file = ::open(arguments[0] + sizeof option - 1, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_file < 0) return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
