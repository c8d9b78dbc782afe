// SPDX-License-Identifier: Apache-2.0

// Package howto has the programs of the pages in this directory, and tests that run them. There is nothing to import.
package howto
