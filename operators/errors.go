// SPDX-License-Identifier: Apache-2.0

package operators

import "fmt"

// Reasons for which records are dropped, as they are counted and logged.
const (
	dropNullKey   = "null key"
	dropNullValue = "null value"
	dropLate      = "late"
)

func errNegativeTime(at int64) error {
	return fmt.Errorf("event time %d ms lies before 1970", at)
}
