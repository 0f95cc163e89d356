/* Wine 8, Debian's, lacks this library of Windows', from which every Rust program takes its random numbers. The tests put
   this one into the prefix; no package contains it. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    return SystemFunction036(buffer, (ULONG)length);
}
