// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"fmt"
)

// Reasons for which records are dropped, as they are counted and logged.
const (
	dropNullKey   = "null key"
	dropNullValue = "null value"
	dropLate      = "late"
)

func errNegativeTime(at int64) error {
	return fmt.Errorf("event time %d ms lies before 1970", at)
}

// errNoCodec is the mistake of streams whose values are to be written.
var errNoCodec = errors.New("the codec of the values is not known, because an operator above made values of a new " +
	"type; name it with stream.Encode before")

// errNoTableCodec is the mistake of tables whose values are to be written.
var errNoTableCodec = errors.New("the codec of the table's values is not known, because an operator above made " +
	"values of a new type; name it with stream.EncodeTable before")

// derived is the name of something durable that belongs to an operator; "" when the operator has none.
func derived(name, part string) string {
	if name == "" {
		return ""
	}
	return name + "-" + part
}
