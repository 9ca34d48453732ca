// Package nexusd is the Go client of nexusd: publish and subscribe through the daemon beside your process.
//
//	client, err := nexusd.NewClient("localhost:5672") // or "" and NEXUSD_ADDR
//	if err != nil {
//		log.Fatal(err) // the address or an option makes no sense; a daemon that is down is no error
//	}
//	defer client.Close()
//
//	sub, err := client.Subscribe(ctx, []string{"greetings/#"})
//	...
//	err = client.Publish(ctx, &nexusd.PublishRequest{Topic: "greetings/world", Payload: []byte("hello")})
//	...
//	message, err := sub.Next(ctx)
//
// A client does no I/O until it is used, connects by itself, and connects again after each loss with every
// subscription that was open. All methods may be called from many goroutines at the same time.
//
// Errors can be told apart with errors.Is and the variables ErrClosed, ErrBufferFull and so on; errors.As with *Error
// gives the details.
package nexusd
