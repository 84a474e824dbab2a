// The handlers of the xv6 calls, by the file that defines them. Rows of calls.def name them. Whatever error they return, the
// program sees -1.
#pragma once

#include "abi/decode.hpp"
#include "abi/xv6/types.hpp"

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

// --- calls_containers.cpp -----------------------------------------------------------------------------------------------
Result<long> sys_cid(Context&);

}  // namespace cv6::xv6_abi
