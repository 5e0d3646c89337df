import CLinux

func probe() -> Int32 { sluice_setns(-1, 0) }
