package nexusd

import (
	"syscall"
	"time"
)

// shortSleep sleeps for less than the millisecond that the runtime's own timers may take.
func shortSleep(d time.Duration) {
	request := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&request, nil)
}
