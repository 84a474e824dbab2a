#include "types.h"
#include "user.h"

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) printf(1, "%s%s", arguments[i], i + 1 < count ? " " : "\n");
  exit();
}
