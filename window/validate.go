// SPDX-License-Identifier: Apache-2.0

package window

import (
	"errors"
	"fmt"
	"time"
)

// ms is d in milliseconds; Validate saw to it that these are whole.
func ms(d time.Duration) int64 { return int64(d / time.Millisecond) }

// invalid joins what is wrong with the window w into one error, or gives nil.
func invalid(w any, errs ...error) error {
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("%T.%w", w, err)
		}
	}
	return errors.Join(errs...)
}

// positive wants at least a millisecond.
func positive(field string, d time.Duration) error {
	if d < time.Millisecond {
		return fmt.Errorf("%s is %v: must be at least 1ms", field, d)
	}
	return whole(field, d)
}

// notNegative wants zero or more.
func notNegative(field string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%s is %v: must not be negative", field, d)
	}
	return whole(field, d)
}

// whole wants whole milliseconds, the resolution of event time.
func whole(field string, d time.Duration) error {
	if d%time.Millisecond != 0 {
		return fmt.Errorf("%s is %v: must be whole milliseconds", field, d)
	}
	return nil
}
