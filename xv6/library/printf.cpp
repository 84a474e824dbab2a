// printf(fd, format, ...): %d %u %x %p %s %c %f %%. What one call prints goes out in one write() as far as it fits a line's
// buffer, so lines of several processes are never mixed.
#include "types.h"
#include "user.h"

namespace {

class Line {
 public:
  explicit Line(int fd) : fd_(fd) {}
  ~Line() { flush(); }

  void put(char c) {
    if (size_ == sizeof bytes_) flush();
    bytes_[size_++] = c;
  }
  void put(const char* text) {
    while (*text) put(*text++);
  }
  void put_number(uint number, uint base) {
    char digits[10];
    int count = 0;
    do digits[count++] = "0123456789abcdef"[number % base];
    while (number /= base);
    while (count > 0) put(digits[--count]);
  }
  void put_signed(int number) {
    if (number < 0) put('-');
    put_number(number < 0 ? 0u - static_cast<uint>(number) : static_cast<uint>(number), 10);
  }
  // Six decimals, rounded; what an int cannot hold is shown as its largest number.
  void put_real(double number) {
    constexpr uint scale = 1'000'000;
    if (number < 0) {
      put('-');
      number = -number;
    }
    constexpr double largest = 4294967295.0;
    auto whole = static_cast<uint>(number < largest ? number : largest);
    auto rest = static_cast<uint>((number - whole) * scale + 0.5);
    if (rest >= scale && whole < 0xffffffffu) ++whole, rest -= scale;
    put_number(whole, 10);
    put('.');
    for (uint unit = scale / 10; unit > 0; unit /= 10) put(static_cast<char>('0' + rest / unit % 10));
  }

 private:
  void flush() {
    if (size_) write(fd_, bytes_, size_);
    size_ = 0;
  }
  int fd_;
  int size_ = 0;
  char bytes_[512];
};

}  // namespace

extern "C" {

void printf(int fd, const char* format, ...) {
  Line line(fd);
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  for (; *format; ++format) {
    if (*format != '%' || !format[1]) {
      line.put(*format);
      continue;
    }
    switch (*++format) {
      case 'd': line.put_signed(__builtin_va_arg(arguments, int)); break;
      case 'u': line.put_number(__builtin_va_arg(arguments, uint), 10); break;
      case 'x':
      case 'p': line.put_number(__builtin_va_arg(arguments, uint), 16); break;
      case 'f': line.put_real(__builtin_va_arg(arguments, double)); break;
      case 'c': line.put(static_cast<char>(__builtin_va_arg(arguments, int))); break;
      case 's': {
        const char* text = __builtin_va_arg(arguments, const char*);
        line.put(text ? text : "(null)");
        break;
      }
      case '%': line.put('%'); break;
      default:  // shown as it is, to be seen
        line.put('%');
        line.put(*format);
    }
  }
  __builtin_va_end(arguments);
}

void printfloat(int fd, double number) {
  Line line(fd);
  line.put_real(number);
}

}  // extern "C"
