package benchmarks
import (
	_ "github.com/IBM/sarama"
	_ "github.com/stretchr/testify/require"
)
