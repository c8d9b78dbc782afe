package examples
import (
	_ "github.com/twmb/franz-go/pkg/kfake"
	_ "github.com/twmb/franz-go/pkg/kgo"
	_ "github.com/stretchr/testify/require"
	_ "golang.org/x/term"
	_ "github.com/fatih/color"
)
