/* The headers of this library are included by CLinux; see docs/decisions. */
