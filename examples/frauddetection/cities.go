// SPDX-License-Identifier: Apache-2.0

package main

// city is a place where generated people live and shop.
type city struct {
	country string
	at      Point
}

// cities are where cards are used; a country has one, so that "another city" is "another country".
var cities = []city{
	{"TR", Point{41.01, 28.98}}, {"GB", Point{51.51, -0.13}}, {"DE", Point{52.52, 13.41}}, {"FR", Point{48.86, 2.35}},
	{"ES", Point{40.42, -3.70}}, {"IT", Point{41.90, 12.50}}, {"PL", Point{52.23, 21.01}}, {"SE", Point{59.33, 18.07}},
	{"GR", Point{37.98, 23.73}}, {"RO", Point{44.43, 26.10}}, {"UA", Point{50.45, 30.52}}, {"EG", Point{30.04, 31.24}},
	{"MA", Point{33.57, -7.59}}, {"NG", Point{6.52, 3.38}}, {"KE", Point{-1.29, 36.82}}, {"ZA", Point{-33.92, 18.42}},
	{"AE", Point{25.20, 55.27}}, {"IN", Point{19.08, 72.88}}, {"PK", Point{24.86, 67.01}}, {"KZ", Point{43.24, 76.89}},
	{"CN", Point{31.23, 121.47}}, {"JP", Point{35.68, 139.69}}, {"KR", Point{37.57, 126.98}},
	{"TH", Point{13.76, 100.50}}, {"ID", Point{-6.21, 106.85}}, {"PH", Point{14.60, 120.98}},
	{"AU", Point{-33.87, 151.21}}, {"NZ", Point{-36.85, 174.76}}, {"US", Point{40.71, -74.01}},
	{"CA", Point{45.50, -73.57}}, {"MX", Point{19.43, -99.13}}, {"CO", Point{4.71, -74.07}},
	{"PE", Point{-12.05, -77.04}}, {"BR", Point{-23.55, -46.63}}, {"AR", Point{-34.60, -58.38}},
	{"CL", Point{-33.45, -70.67}},
}

// trade is a kind of shop: its category, some merchants, and what people pay there, as a part of the card's limit.
type trade struct {
	category  string
	typical   float64
	merchants []string
}

var trades = []trade{
	{"grocery", 0.04, []string{"Corner Market", "Green Basket", "Daily Bread", "Family Foods"}},
	{"restaurant", 0.05, []string{"Blue Plate", "The Olive Tree", "Noodle Bar", "Grill House"}},
	{"fuel", 0.06, []string{"Ring Road Fuel", "Station 24"}},
	{"transport", 0.01, []string{"City Metro", "Quick Cab", "Rail Counter"}},
	{"clothing", 0.08, []string{"Thread and Needle", "North Coat", "Shoe Harbor"}},
	{"pharmacy", 0.02, []string{"Old Town Pharmacy", "Well Being"}},
	{"electronics", 0.14, []string{"Volt Store", "Second Screen"}},
	{"home", 0.07, []string{"Lamp and Chair", "Garden Gate"}},
}
