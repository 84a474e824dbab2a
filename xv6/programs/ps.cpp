// The processes that the container sees.
#include "types.h"
#include "user.h"

int main() {
  ps();
  exit();
}
