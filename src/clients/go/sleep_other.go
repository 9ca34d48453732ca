//go:build !linux

package nexusd

import "time"

func shortSleep(d time.Duration) { time.Sleep(d) }
