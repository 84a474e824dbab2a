// The part of QEMU's interface for plugins that the counter uses, version 1: Debian ships no header. What it says is
// described in https://www.qemu.org/docs/master/devel/tcg-plugins.html; names and types are those of QEMU 7.2,
// include/qemu/qemu-plugin.h.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

using qemu_plugin_id_t = std::uint64_t;
struct qemu_plugin_tb;    // a translation block: instructions that are translated, and run, together
struct qemu_plugin_insn;  // one of them
struct qemu_info_t;

enum qemu_plugin_cb_flags : int { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum qemu_plugin_op : int { QEMU_PLUGIN_INLINE_ADD_U64 = 0 };

using qemu_plugin_vcpu_tb_trans_cb_t = void (*)(qemu_plugin_id_t, qemu_plugin_tb*);
using qemu_plugin_vcpu_udata_cb_t = void (*)(unsigned processor, void* data);

// Called when a block has been translated; what is registered then is done whenever the instruction is executed, before it.
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t translated);
void qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_insn* instruction, qemu_plugin_vcpu_udata_cb_t executed,
                                            qemu_plugin_cb_flags flags, void* data);
void qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_insn* instruction, qemu_plugin_op operation, void* counter,
                                                std::uint64_t amount);

std::size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb* block);
qemu_plugin_insn* qemu_plugin_tb_get_insn(const qemu_plugin_tb* block, std::size_t index);
const void* qemu_plugin_insn_data(const qemu_plugin_insn* instruction);
std::size_t qemu_plugin_insn_size(const qemu_plugin_insn* instruction);
std::uint64_t qemu_plugin_insn_vaddr(const qemu_plugin_insn* instruction);

// What QEMU looks for in a plugin.
[[gnu::visibility("default")]] extern int qemu_plugin_version;
[[gnu::visibility("default")]] int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* machine, int count,
                                                       char** arguments);

}  // extern "C"
