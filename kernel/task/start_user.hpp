// Where threads begin that run programs. Private to task/.
#pragma once

#include "task/user_thread.hpp"

namespace cv6 {

// A clone's first step: begin_user_thread(&thread), as the entry of a thread.
void begin_user_thread(void* thread);
// For a thread that has never been in user mode: goes there with its registers, by way of return_to_user_work().
[[noreturn]] void enter_user_mode(UserThread& thread);

}  // namespace cv6
