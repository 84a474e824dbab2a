// The handlers of the xv6 calls, by the file that defines them. Rows of calls.def name them. Whatever error they return, the
// program sees -1.
#pragma once

#include "abi/container_access.hpp"
#include "abi/decode.hpp"
#include "abi/xv6/types.hpp"
#include "container/message.hpp"

namespace cv6::xv6_abi {

using namespace abi;

// --- calls_processes.cpp ------------------------------------------------------------------------------------------------
Result<long> sys_fork(Context&);
Result<long> sys_exit(Context&);
Result<long> sys_wait(Context&);
Result<long> sys_kill(Context&, int pid);
Result<long> sys_exec(Context&, UserString path, UserPtr<std::uint32_t> arguments);
Result<long> sys_getpid(Context&);
Result<long> sys_sbrk(Context&, int bytes);
Result<long> sys_sleep(Context&, int ticks);
Result<long> sys_uptime(Context&);
Result<long> sys_add(Context&, int a, int b);

// --- calls_files.cpp: open files ----------------------------------------------------------------------------------------
Result<long> sys_pipe(Context&, UserPtr<int> ends);
Result<long> sys_read(Context&, Descriptor file, UserBytes to, int count);
Result<long> sys_write(Context&, Descriptor file, UserBytes from, int count);
Result<long> sys_fstat(Context&, Descriptor file, UserPtr<Stat> result);
Result<long> sys_dup(Context&, Descriptor file);
Result<long> sys_open(Context&, UserString path, Flags flags);
Result<long> sys_close(Context&, Descriptor file);

// --- calls_names.cpp: files by name -------------------------------------------------------------------------------------
Result<long> sys_chdir(Context&, UserString path);
Result<long> sys_mknod(Context&, UserString path, int major, int minor);
Result<long> sys_unlink(Context&, UserString path);
Result<long> sys_link(Context&, UserString from, UserString to);
Result<long> sys_mkdir(Context&, UserString path);

// --- calls_status.cpp: what there is, and how much ----------------------------------------------------------------------
Result<long> sys_print_count(Context&);
Result<long> sys_toggle(Context&);
Result<long> sys_ps(Context&);
Result<long> sys_dps(Context&);
Result<long> sys_shutdown(Context&);
Result<long> sys_start_timer(Context&, int pid);
Result<long> sys_end_timer(Context&, int pid);

// --- calls_messages.cpp: messages, and barriers -------------------------------------------------------------------------
Result<long> sys_send(Context&, int sender, int receiver, UserPtr<MessageBytes> message);
Result<long> sys_recv(Context&, UserPtr<MessageBytes> message);
Result<long> sys_send_multi(Context&, int sender, UserPtr<int> receivers, UserPtr<MessageBytes> message, int count);
Result<long> sys_sigset(Context&, unsigned handler);
Result<long> sys_sigret(Context&);
Result<long> sys_barrier_init(Context&, int parties);
Result<long> sys_barrier(Context&);

// --- calls_containers.cpp -----------------------------------------------------------------------------------------------
Result<long> sys_create_container(Context&);
Result<long> sys_proc_stat_container(Context&);
Result<long> sys_scheduler_log_on(Context&);
Result<long> sys_scheduler_log_off(Context&);
Result<long> sys_cid(Context&);
Result<long> sys_memory_log_on(Context&);
Result<long> sys_memory_log_off(Context&);
Result<long> sys_memory_gva(Context&, int size, unsigned address);

}  // namespace cv6::xv6_abi
