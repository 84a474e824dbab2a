// The architecture's upcalls that belong to no single layer above.
#include "arch/upcalls.hpp"

#include "sched/scheduler.hpp"

namespace cv6::arch {

void on_timer() { sched::on_timer_interrupt(); }
void on_wakeup() {}  // the scheduler looks at what is new on the way out of every interrupt

}  // namespace cv6::arch
