// procfs, proc(5): processes and the system as text, in the formats that Linux' programs parse.
//
// There is one instance. What it shows depends on who looks: the processes of the looker's container and of those below
// it, under the numbers that they have there. Nothing of it is stored: every file is written when it is read.
//
//   initialise.cpp           what is in /proc
//   root_directory           /proc: processes by number, self, thread-self
//   subject                  which process or thread a file is about, and whether the looker may know
//   process_directory        /proc/PID and /proc/PID/task/TID: the table of their entries
//   *_files                  what each file says: collects facts
//   *_text                   how it says it: from facts to text, without side effects (unit-tested)
#pragma once

#include "fs/dentry.hpp"
#include "lib/result.hpp"

namespace cv6::proc {

// Makes the instance and registers the file system type "proc". Error::nomem.
Result<void> initialise();

// To be mounted. After initialise().
Ref<Dentry> root();

}  // namespace cv6::proc
