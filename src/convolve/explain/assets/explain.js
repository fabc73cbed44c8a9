// node_modules/preact/dist/preact.mjs
var e, t, n, r, i, a, o, s, c, l, u, d = Symbol.for("pv"), f = {}, p = [], m = /^m(i|n|o|s|text|space)$/, h = Array.isArray, g = p.slice, _ = Object.assign;
function v(e) {
	e && e.parentNode && e.remove();
}
function y(e, t, n) {
	var r, i, a, o = {}, s = arguments.length;
	for (a in t) a == "key" ? r = t[a] : a == "ref" && typeof e != "function" ? i = t[a] : o[a] = t[a];
	return s > 2 && (o.children = s > 3 ? g.call(arguments, 2) : n), b(e, o, r, i, null);
}
function b(n, r, i, a, o) {
	var s = {
		type: n,
		props: r,
		key: i,
		ref: a,
		__k: null,
		__: null,
		__b: 0,
		__e: null,
		__c: null,
		constructor: d,
		__v: o || ++t,
		__i: -1,
		__u: 0
	};
	return !o && e.vnode && e.vnode(s), s;
}
function x(e) {
	return e.children;
}
function S(e, t) {
	this.props = e, this.context = t, this.__g = 0;
}
function C(e, t) {
	if (t == null) return e.__ && C(e.__, e.__i + 1);
	for (var n; t < e.__k.length; t++) if ((n = e.__k[t]) && n.__e) return n.__e;
	return typeof e.type != "function" || e.props.__P ? null : C(e);
}
function w(t) {
	var n, r = t.__v, i = r.__e, a = [], o = [], s = t.__P;
	s && ((n = _({ constructor: d }, r)).__v = r.__v + 1, e.vnode && e.vnode(n), re(s, n, r, t.__n, s.namespaceURI, 32 & r.__u ? [i] : null, a, i || C(r), 32 & r.__u, o), n.__v = r.__v, n.__.__k[n.__i] = n, M(a, n, o), r.__ = r.__e = null, n.__e != i && T(n));
}
function T(e) {
	if ((e = e.__) && e.__c && !e.props.__P) return e.__e = null, e.__k.some(function(t) {
		return t && (e.__e = t.__e);
	}), T(e);
}
function E(t) {
	(8 & t.__g || (t.__g |= 8, r.push(t), a++)) && i == e.debounceRendering || ((i = e.debounceRendering) || queueMicrotask)(D);
}
function D() {
	try {
		for (var e, t = 1; r.length;) r.length > t && r.sort(o), e = r.shift(), t = r.length, 8 & e.__g && w(e);
	} finally {
		(a = r.length) && (i || queueMicrotask)(D);
	}
}
function ee(e, t, n, r, i, a, o, s, c, l, u) {
	var d, m, h, g, _, v, y = r.__k || p, b = t.length;
	for (c = O(n, t, y, c, b), d = 0; d < b; d++) (h = n.__k[d]) != null && (m = ~h.__i && y[h.__i] || f, h.__i = d, v = re(e, h, m, i, a, o, s, c, l, u), g = h.__e, (m.ref != h.ref || 8 & m.__u) && (m.ref && N(m.ref, null, h, m), h.ref && u.push(h.ref, h.__c || g, h)), _ ||= g, 4 & h.__u ? (c = k(h, c, e, !m.__v), m.__e && (m.__e = null)) : typeof h.type == "function" && v !== void 0 ? c = v : g && (c = g.nextSibling), h.__u &= -21);
	return n.__e = _, c;
}
function O(e, t, n, r, i) {
	var a, o, s, c, l, u, f, p, m, g = n.length, _ = g, v = 0, y = 0, S = e.__k = Array(i);
	for (a = 0; a < i; a++) (o = t[a]) != null && typeof o != "boolean" && typeof o != "function" ? (typeof o != "object" || o.constructor === String ? o = S[a] = b(null, o) : h(o) ? o = S[a] = b(x, { children: o }) : o.constructor === d && o.__b ? o = S[a] = b(o.type, o.props, o.key, o.ref, o.__v) : S[a] = o, c = a + v, o.__ = e, o.__b = e.__b + 1, s = null, ~(l = o.__i = te(o, n, c, _)) && (_--, (s = n[l]) && (s.__u |= 2)), s && s.__v ? (o.__u |= 16, l == c - 1 ? v-- : l == c + 1 ? v++ : l != c && (l > c ? v-- : v++, y = 1)) : (~l || (i > g ? v-- : i < g && v++), typeof o.type != "function" && (o.__u |= 4))) : S[a] = null;
	if (y) {
		for (u = [], f = [], a = 0; a < i; a++) if ((o = S[a]) && 16 & o.__u) {
			for (v = 0, p = u.length; v < p;) u[m = v + p >> 1] < o.__i ? v = m + 1 : p = m;
			u[v] = o.__i, f[a] = v + 1;
		}
		for (v = u.length; a--;) f[a] && (f[a] == v ? v-- : S[a].__u |= 4);
	}
	if (_) for (a = 0; a < g; a++) !(s = n[a]) || 2 & s.__u || (s.__e == r && (r = C(s)), se(s, s));
	return r;
}
function k(e, t, n, r) {
	var i, a, o, s;
	if (typeof e.type == "function") {
		if (e.props.__P) return t;
		if (i = e.__k) for (a = 0; a < i.length; a++) i[a] && (i[a].__ = e, t = k(i[a], t, n, !1));
		return t;
	}
	for (t && !t.parentNode && (t = C(e)) && !t.parentNode && (t = null), o = e.__e, s = t; s && s.nodeType == 8;) s = s.nextSibling;
	for (o != s && (!r && n.moveBefore && o.parentNode ? n.moveBefore(o, t) : n.insertBefore(o, t || null)), t = o; (t &&= t.nextSibling) && t.nodeType == 8 && !t.data.startsWith("$s"););
	return t;
}
function te(e, t, n, r) {
	var i, a = e.key, o = e.type, s = t[n], c = s && !(2 & s.__u);
	if (s === null && a == null || c && a == s.key && o == s.type) return n;
	if (r > +!!c) {
		for (i = n - 1; i >= 0; i--) if ((s = t[i]) && !(2 & s.__u) && a == s.key && o == s.type) return i;
		for (i = n + 1; i < t.length; i++) if ((s = t[i]) && !(2 & s.__u) && a == s.key && o == s.type) return i;
	}
	return -1;
}
function ne(e, t, n) {
	n ??= "", t[0] == "-" ? e.setProperty(t, n) : e[t] = n;
}
function A(e, t, n, r, i) {
	var a, o;
	if (t == "style") {
		if (typeof n == "string") e.style.cssText = n;
		else {
			if (typeof r == "string" && (e.style.cssText = r = ""), r) for (t in r) n && t in n || ne(e.style, t);
			if (n) for (t in n) r && n[t] == r[t] || ne(e.style, t, n[t]);
		}
	} else if (t[0] == "o" && t[1] == "n") typeof n != "function" && (n = null), typeof r != "function" && (r = null), (e.__e ||= {})[t] = n, n && r || (o = u[t] || (u[t] = j(t)), (e.__a ||= {})[t] = l, a = t != (t = t.replace(c, "$1")), (t = t.slice(2))[0] < "a" && (t = t.toLowerCase()), n ? e.addEventListener(t, o, a) : e.removeEventListener(t, o, a));
	else {
		if (i == "http://www.w3.org/2000/svg") t = t.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
		else if (t != "width" && t != "height" && t != "href" && t != "list" && t != "form" && t != "tabIndex" && t != "download" && t != "rowSpan" && t != "colSpan" && t != "role" && t != "popover" && t in e) try {
			e[t] = n ?? "";
			return;
		} catch {}
		if (typeof n == "function") return;
		n == null || !1 === n && t[4] != "-" ? e.removeAttribute(t) : e.setAttribute(t, t == "popover" && n == 1 ? "" : n);
	}
}
function j(t) {
	return function(n) {
		var r = this.__e;
		if (r) {
			if (r = r[t], n[s] == null) n[s] = l++;
			else if (n[s] < this.__a[t]) return;
			return r(e.event ? e.event(n) : n);
		}
	};
}
function re(t, n, r, i, a, o, s, c, l, u) {
	var f, m, g, y, b, w, T, E, D, O, k, te, ne, A, j, re, M, N, P = n.type;
	if (n.constructor !== d) return null;
	128 & r.__u && (l = 32 & r.__u, f = r.__c.__z) && (n.__u |= l, m = o = [], f.nodeType == 8 ? c = ie(f, o) : o.push(f), c = o[0] || c), (f = e.__b) && f(n);
	n: if (typeof P == "function") {
		g = s.length;
		try {
			if (E = n.props, D = (f = P.prototype) && f.render, O = (f = P.contextType) && i[f.__c], k = f ? O ? O.props.value : f.__ : i, (y = r.__c) ? (n.__c = y, 2 & y.__g && (y.__g |= 1)) : (D ? n.__c = y = new P(E, k) : (n.__c = y = new S(E, k), y.constructor = P, y.render = ce), O && O.sub(y), y.state || (y.state = {}), y.__n = i, y.__g |= 8, y.__h = [], y.__k = []), D && (y.__s || (y.__s = y.state), P.getDerivedStateFromProps && (y.__s == y.state && (y.__s = _({}, y.__s)), _(y.__s, P.getDerivedStateFromProps(E, y.__s)))), b = y.props, w = y.state, y.__v = n, r.__c) {
				if (E !== b && D && !P.getDerivedStateFromProps && y.componentWillReceiveProps && y.componentWillReceiveProps(E, k), n.__v == r.__v && !(8 & y.__g) || !(4 & y.__g) && y.shouldComponentUpdate && !1 === y.shouldComponentUpdate(E, y.__s, k)) {
					n.__v != r.__v && (y.props = E, y.state = y.__s, y.__g &= -9), n.__e = r.__e, n.__k = r.__k, n.__k.some(function(e) {
						e && (e.__ = n);
					}), p.push.apply(y.__h, y.__k), y.__k = [], y.__h.length && s.push(y), c = C(r);
					break n;
				}
				y.componentWillUpdate && y.componentWillUpdate(E, y.__s, k), D && y.componentDidUpdate && y.__h.push(function() {
					y.componentDidUpdate(b, w, T);
				});
			} else D && !P.getDerivedStateFromProps && y.componentWillMount && y.componentWillMount(), D && y.componentDidMount && y.__h.push(y.componentDidMount);
			y.context = k, y.props = E, y.__P = t, y.__g &= -5, te = e.__r, ne = D ? 25 : 0;
			do
				y.__g &= -9, te && te(n), f = y.render(y.props, y.state = y.__s, y.context);
			while (8 & y.__g && ++ne < 25);
			D && (p.push.apply(y.__h, y.__k), y.__k = []), y.state = y.__s, y.getChildContext && (i = _({}, i, y.getChildContext())), D && r.__c && y.getSnapshotBeforeUpdate && (T = y.getSnapshotBeforeUpdate(b, w)), A = f && f.type === x && f.key == null ? f.props.children : f, E.__P && (f = c, a = (t = E.__P).namespaceURI, l = o = null, r.props && r.props.__P != t && (r.__k.some(function(e) {
				e && se(e, e);
			}), r.__k = null), c = r.__k ? C(r, 0) : null), c = ee(t, h(A) ? A : [A], n, r, i, a, o, s, c, l, u), E.__P && (n.__e = null, c = f), n.__u &= -161, m && m.some(v), y.__h.length && s.push(y), 1 & y.__g && (y.__g &= -4);
		} catch (t) {
			if (s.length = g, n.__v = null, l || o) {
				if (t && t.then) {
					if (n.__u |= 128 | l, o) {
						for (~(M = o.indexOf(c || void 0)) || (M = o.length); (N = o[M - 1]) && N.nodeType == 8;) M--;
						for (; M < o.length; M++) if (N = o[M]) {
							if (o[M] = null, j) {
								if (N == re) break;
							} else {
								if (N.nodeType != 8) break;
								N.data.startsWith("$s") && (re = ie(j = N));
							}
						}
					}
					if (!j) {
						for (; c && c.nodeType == 8 && c.nextSibling;) c = c.nextSibling;
						j = c;
					}
					(f = ie(j = n.__c.__z || (n.__c.__z = j))) ? (n.__e = j, c = f) : n.__e = c, c &&= c.nextSibling;
				} else o && o.some(v);
			} else n.__e = r.__e;
			n.__k ||= r.__k || [], t && t.then || ae(n), e.__e(t, n, r);
		}
	} else c = n.__e = oe(r.__e, n, r, i, a, o, s, l, u, t);
	return (f = e.diffed) && f(n), c;
}
function ie(e, t) {
	if (e && e.nodeType == 8 && e.data.startsWith("$s")) for (var n = 1; e = e.nextSibling;) {
		if (e.nodeType == 8) {
			if (e.data.startsWith("$s")) n++;
			else if (e.data.startsWith("/$s") && !--n) return e;
		}
		t && t.push(e);
	}
}
function ae(e) {
	e && (e.__c && (e.__c.__g |= 4), e.__k && e.__k.some(ae));
}
function M(t, n, r) {
	for (var i = 0; i < r.length;) N(r[i++], r[i++], r[i++]);
	e.__c && e.__c(n, t), t.some(function(n) {
		try {
			t = n.__h, n.__h = [], t.some(function(e) {
				e.call(n);
			});
		} catch (t) {
			e.__e(t, n.__v);
		}
	});
}
function oe(t, n, r, i, a, o, s, c, l, u) {
	var d, p, _, y, b, x, S, w, T = r.props || f, E = n.props, D = n.type;
	if (D == "svg" ? a = "http://www.w3.org/2000/svg" : D == "math" ? a = "http://www.w3.org/1998/Math/MathML" : a ||= "http://www.w3.org/1999/xhtml", o) {
		for (d = 0; d < o.length; d++) if ((b = o[d]) && (D ? b.localName == D : b.nodeType == 3)) {
			t = b, o[d] = null;
			break;
		}
	}
	if (!t) {
		if (w = u.ownerDocument || document, !D) return w.createTextNode(E);
		t = w.createElementNS(a, D, E.is ? E : u), c &&= (e.__m && e.__m(n, o), !1), o = null;
	}
	if (D) {
		if (u = D == "template" && t.content || t, o = D == "textarea" && E.defaultValue != null ? null : o && g.call(u.childNodes), !c && o) for (T = {}, d = 0; d < t.attributes.length; d++) T[(b = t.attributes[d]).name] = b.value;
		for (d in T) b = T[d], d == "dangerouslySetInnerHTML" ? _ = b : d == "children" || d in E || d == "value" && "defaultValue" in E || d == "checked" && "defaultChecked" in E || A(t, d, null, b, a);
		for (d in E) b = E[d], d == "children" ? y = b : d == "dangerouslySetInnerHTML" ? p = b : d == "value" ? x = b : d == "checked" ? S = b : c && typeof b != "function" || T[d] === b || A(t, d, b, T[d], a);
		p ? (c || _ && (p.__html == _.__html || p.__html == t.innerHTML) || (t.innerHTML = p.__html), n.__k = []) : (_ && (t.textContent = ""), (D == "foreignObject" || a == "http://www.w3.org/1998/Math/MathML" && m.test(D)) && (a = "http://www.w3.org/1999/xhtml"), ee(u, h(y) ? y : [y], n, r, i, a, o, s, o ? o[0] : r.__k && C(r, 0), c, l), o && o.some(v)), c && D != "textarea" || (d = "value", D == "progress" && x == null ? t.removeAttribute(d) : x == null || x === t[d] && (D != "progress" || x) || A(t, d, x, T[d], a), d = "checked", S != null && S != t[d] && A(t, d, S, T[d], a));
	} else T === E || c && t.data == E || (t.data = E);
	return t;
}
function N(t, n, r, i) {
	try {
		typeof t == "function" ? n ? n.__x = t(n) || 1 : (i &&= i.__c || i.__e) && (n = i.__x) && (i.__x = null, typeof n == "function" ? n() : t(null)) : t.current = n;
	} catch (t) {
		e.__e(t, r);
	}
}
function se(t, n, r) {
	var i, a, o, s;
	if (e.unmount && e.unmount(t), !(i = t.ref) || i.current && i.current != t.__e || N(i, null, n, t), i = t.__c) {
		if (i.componentWillUnmount) try {
			i.componentWillUnmount();
		} catch (t) {
			e.__e(t, n);
		}
		i.__P = i.__n = null;
	}
	if (i = t.__k) for (s = 0; s < i.length; s++) i[s] && se(i[s], n, typeof t.type != "function" || r && !t.props.__P);
	!r && (i = t.__c) && (i = i.__z) && (a = ie(i, o = [])) && (i == t.__e && o.some(v), v(a), v(i)), r || v(t.__e), t.__e = t.__c = t.__ = null;
}
function ce(e, t, n) {
	return this.constructor(e, n);
}
function P(t, n) {
	var r, i, a, o;
	e.__ && e.__(t, n), n.nodeType == 9 && (n = n.documentElement), i = (r = t && 32 & t.__u) ? null : n.__k, n.__k = b(x, { children: [t] }), a = [], o = [], re(n, n.__k, i || f, f, n.namespaceURI, i ? null : n.firstChild ? g.call(n.childNodes) : null, a, i ? i.__e : n.firstChild, r, o), M(a, n.__k, o), n.__k.props.children = null;
}
e = { __e: function(e, t, n, r) {
	for (var i, o, s; t = t.__;) if ((i = t.__c) && !(1 & i.__g)) {
		i.__g |= 4;
		try {
			if ((s = (o = i.constructor) && o.getDerivedStateFromError) && i.setState(o.getDerivedStateFromError(e)), i.componentDidCatch && (i.componentDidCatch(e, r || {}), s = 1), s && 8 & i.__g) return void (i.__g |= 2);
		} catch (t) {
			e = t;
		}
	}
	throw a = 0, e;
} }, t = 0, n = function(e) {
	return e != null && e.constructor === d;
}, S.prototype.setState = function(e, t) {
	var n = this.__s;
	n && n != this.state || (n = this.__s = _({}, this.state)), typeof e == "function" && (e = e(_({}, n), this.props)), e && (_(n, e), this.__v && (t && this.__k.push(t), E(this)));
}, S.prototype.forceUpdate = function(e) {
	this.__v && (this.__g |= 4, e && this.__h.push(e), E(this));
}, S.prototype.render = x, r = [], a = 0, o = function(e, t) {
	return e.__v.__b - t.__v.__b;
}, s = Symbol(), c = /(PointerCapture)$|Capture$/i, l = 0, u = {};
// node_modules/preact/hooks/dist/hooks.mjs
var le, F, ue, de, fe = Object.is, pe = 0, me = [], he = [], I = e, ge = I.__b, _e = I.__r, ve = I.diffed, ye = I.__c, be = I.unmount, xe = I.__;
function Se(e, t) {
	I.__h && I.__h(F, e, pe || t), pe = 0;
	var n = F.__H || (F.__H = {
		__: [],
		__h: []
	});
	return e >= n.__.length && n.__.push({}), n.__[e];
}
function Ce(e) {
	return pe = 1, we(Fe, e);
}
function we(e, t, n) {
	var r = Se(le++, 2);
	if (r.t = e, !r.__c && (r.__ = [n ? n(t) : Fe(void 0, t), function(e) {
		var t = (r.__N || r.__)[0], n = r.t(t, e);
		fe(t, n) || (r.__N = [n, r.__[1]], r.__c.setState({}));
	}], r.__c = F, !F.__f)) {
		F.__f = !0;
		var i = F.shouldComponentUpdate;
		F.shouldComponentUpdate = function(e, t, n) {
			var r = this.__H;
			if (!r) return !0;
			var a = !1, o = this.props != e;
			if (r.__.some(function(e) {
				e.__N && (a = !0, fe(e.__[0], e.__N[0]) || (o = !0));
			}), i) {
				var s = i.call(this, e, t, n);
				return a ? s || o : s;
			}
			return !a || o;
		};
	}
	return r.__;
}
function Te(e, t) {
	var n = Se(le++, 3);
	!I.__s && Pe(n.__H, t) && (n.__P = !0, n.__ = e, n.u = t, F.__H.__h.push(n));
}
function Ee(e) {
	return pe = 5, De(function() {
		return { current: e };
	}, []);
}
function De(e, t) {
	var n = Se(le++, 7);
	return Pe(n.__H, t) && (n.__ = e(), n.__H = t), n.__;
}
function Oe() {
	var e;
	do {
		for (; e = he.shift();) try {
			Me(e);
		} catch (t) {
			I.__e(t, { __: (e = e.__P) && e.__v });
		}
		for (; e = me.shift();) {
			var t = e.__H;
			if (e.__P && t) try {
				t.__h.some(Me), t.__h.some(Ne), t.__h = [];
			} catch (n) {
				t.__h = [], I.__e(n, e.__v);
			}
		}
	} while (he.length);
}
I.__b = function(e) {
	F = null, ge && ge(e);
}, I.__ = function(e, t) {
	e && t.__k && t.__k.__m && (e.__m = t.__k.__m), xe && xe(e, t);
}, I.__r = function(e) {
	_e && _e(e), le = 0;
	var t = (F = e.__c).__H;
	t && (ue == F ? F.__h = [] : (t.__h.some(Me), t.__h.some(Ne), le = 0), t.__h = [], t.__.some(function(e) {
		e.__N && (e.__ = e.__N), e.u = e.__N = void 0;
	})), ue = F;
}, I.diffed = function(e) {
	ve && ve(e);
	var t = e.__c;
	t && t.__H && (t.__H.__h.length && je(me.push(t)), t.__H.__.some(function(e) {
		e.u && (e.__H = e.u);
	})), ue = F = null;
}, I.__c = function(e, t) {
	t.some(function(e) {
		try {
			e.__h.some(Me), e.__h = e.__h.filter(function(e) {
				return !e.__ || Ne(e);
			});
		} catch (t) {
			e.__h = [function() {
				throw t;
			}];
		}
	}), ye && ye(e, t);
}, I.unmount = function(e) {
	be && be(e);
	var t, n, r = e.__c;
	r && r.__H && (r.__H.__.some(function(r) {
		try {
			if (r.__P && r.__c) {
				if (n === void 0) {
					for (n = e.__; n && (!n.__c || !n.__c.__P);) n = n.__;
					n &&= n.__c;
				}
				r.__P = n, je(he.push(r));
			} else Me(r);
		} catch (e) {
			t = e;
		}
	}), r.__H = void 0, t && I.__e(t, r.__v));
};
var ke = typeof requestAnimationFrame == "function";
function Ae(e) {
	var t, n = function() {
		clearTimeout(r), ke && cancelAnimationFrame(t), setTimeout(e);
	}, r = setTimeout(n, 35);
	ke && (t = requestAnimationFrame(n));
}
function je(e) {
	e != 1 && de == I.requestAnimationFrame || ((de = I.requestAnimationFrame) || Ae)(Oe);
}
function Me(e) {
	var t = F, n = e.__c;
	typeof n == "function" && (e.__c = void 0, n()), F = t;
}
function Ne(e) {
	var t = F;
	e.__c = e.__(), F = t;
}
function Pe(e, t) {
	return !e || e.length != t.length || t.some(function(t, n) {
		return !fe(t, e[n]);
	});
}
function Fe(e, t) {
	return typeof t == "function" ? t(e) : t;
}
// src/board.ts
var Ie = (e, t) => `${e},${t}`;
function Le(e, t) {
	let [n, r] = t.reads;
	return e.transposed ? n.map((e) => r.map((t) => e === null || t === null ? null : {
		row: e,
		column: t
	})) : n.map((n, i) => r.map((n, r) => ({
		row: t.index[1] * e.stride[0] + i * e.dilation[0] - e.padding[0][0],
		column: t.index[2] * e.stride[1] + r * e.dilation[1] - e.padding[1][0]
	})));
}
function Re(e, t) {
	let n = e.input[t], [r, i] = [n.length, n[0]?.length ?? 0], [a, o] = e.transposed ? [[0, 0], [0, 0]] : e.padding, s = e.transposed ? /* @__PURE__ */ new Map() : ze(e, t), c = [];
	for (let e = -a[0]; e < r + a[1]; e++) {
		let t = [];
		for (let a = -o[0]; a < i + o[1]; a++) {
			let o = e >= 0 && e < r && a >= 0 && a < i, c = o ? n[e][a] : s.get(Ie(e, a)) ?? null;
			t.push({
				row: e,
				column: a,
				border: !o,
				value: c
			});
		}
		c.push(t);
	}
	return c;
}
function ze(e, t) {
	let n = /* @__PURE__ */ new Map();
	for (let r of e.steps) {
		let i = t - r.channels[0];
		i < 0 || t >= r.channels[1] || Le(e, r).forEach((e, t) => e.forEach((e, a) => {
			e && n.set(Ie(e.row, e.column), r.window[i][t][a]);
		}));
	}
	return n;
}
function Be(e, t) {
	let n = /* @__PURE__ */ new Set();
	for (let r of Le(e, t).flat()) r && n.add(Ie(r.row, r.column));
	return n;
}
function Ve(e, t, n) {
	let r = [];
	return e.reads[0].forEach((i, a) => e.reads[1].forEach((e, o) => {
		i === t && e === n && r.push([a, o]);
	})), r;
}
function He(e, t, n, r) {
	let i = /* @__PURE__ */ new Map();
	return e.steps.forEach((e, a) => {
		if (t < e.channels[0] || t >= e.channels[1]) return;
		let o = Ve(e, n, r).map(([n, r]) => e.weights[t - e.channels[0]][n][r]);
		o.length && i.set(a, o);
	}), i;
}
function Ue(e) {
	let t = e.coverage.filter((e) => e.every((e) => e === 0)).length, n = e.coverage[0]?.length ?? 0, r = 0;
	for (let t = 0; t < n; t++) e.coverage.every((e) => e[t] === 0) && r++;
	return {
		rows: t,
		columns: r
	};
}
function We(e) {
	let { rows: t, columns: n } = Ue(e), r = [];
	return t && r.push(`${t} row${t > 1 ? "s" : ""}`), n && r.push(`${n} column${n > 1 ? "s" : ""}`), r.length ? `${r.join(" and ")} ${t + n > 1 ? "are" : "is"} never read (floor)` : "";
}
// src/numbers.ts
function L(e) {
	return e === null ? "·" : typeof e == "string" ? e.replace("-", "−") : String(Number.isInteger(e) ? e : Number(e.toPrecision(4))).replace("-", "−");
}
var Ge = (e) => typeof e == "number" && e < 0 ? `(${L(e)})` : L(e);
function Ke(e, t) {
	if (typeof e != "number" || e === 0 || t === 0) return "zero";
	let n = Math.min(3, Math.ceil(3 * Math.abs(e) / t));
	return `${e < 0 ? "neg" : "pos"}${n}`;
}
function qe(e) {
	let t = 0;
	for (let n of e.flat(2)) typeof n == "number" && (t = Math.max(t, Math.abs(n)));
	return t;
}
function Je(e, t, n) {
	let r = [];
	return e.forEach((e, n) => e.forEach((e, i) => {
		e !== null && r.push(`${L(e)}·${Ge(t[n][i])}`);
	})), `${r.join(" + ") || "0"} = ${L(n)}`;
}
// node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
var Ye = Symbol.for("pv"), Xe = 0;
Array.isArray;
function R(t, n, r, i, a, o) {
	n ||= {};
	var s, c, l = n;
	if ("ref" in l && typeof t != "function") for (c in l = {}, n) c == "ref" ? s = n[c] : l[c] = n[c];
	var u = {
		type: t,
		props: l,
		key: r,
		ref: s,
		__k: null,
		__: null,
		__b: 0,
		__e: null,
		__c: null,
		constructor: Ye,
		__v: --Xe,
		__i: -1,
		__u: 0
	};
	return (a || o) && (u.__source = a, u.__self = o), e.vnode && e.vnode(u), u;
}
// src/grid.tsx
var Ze = {
	ArrowUp: [-1, 0],
	ArrowDown: [1, 0],
	ArrowLeft: [0, -1],
	ArrowRight: [0, 1]
};
function Qe({ label: e, rows: t, active: n = [0, 0], onLeave: r }) {
	let i = Ee(null), a = t[0]?.length ?? 0, o = (e, n, r) => {
		let a = Ze[e.key];
		if (e.key === "Enter" && t[n]?.[r]?.onPin?.(), !a) return;
		e.preventDefault(), e.stopPropagation();
		let [o, s] = [n + a[0], r + a[1]];
		i.current?.querySelector(`[data-at="${o},${s}"]`)?.focus();
	};
	return /* @__PURE__ */ R("div", {
		class: "scroll",
		children: /* @__PURE__ */ R("div", {
			ref: i,
			class: "grid",
			role: "grid",
			"aria-label": e,
			style: { "--columns": String(a) },
			onMouseLeave: r,
			children: t.map((e, t) => /* @__PURE__ */ R("div", {
				class: "row",
				role: "row",
				children: e.map((e, r) => /* @__PURE__ */ R("div", {
					role: "gridcell",
					class: `cell ${e.classes}`,
					"data-at": `${t},${r}`,
					tabIndex: t === n[0] && r === n[1] ? 0 : -1,
					"aria-label": e.label,
					...e.attributes,
					onMouseEnter: e.onLook,
					onFocus: e.onLook,
					onClick: e.onPin,
					onKeyDown: (e) => o(e, t, r),
					children: e.text
				}, r))
			}, t))
		})
	});
}
// node_modules/@preact/signals-core/dist/signals-core.module.js
var $e = Symbol.for("preact-signals");
function et() {
	if (B > 1) B--;
	else {
		var e, t = !1;
		for ((function() {
			var e = ct;
			for (ct = void 0; e !== void 0;) {
				var t = e.S;
				if (t.v === e.v) for (var n = t.t; n !== void 0; n = n.x) n.i === e.i && (n.i = t.i);
				e = e.o;
			}
		})(); it !== void 0;) {
			var n = it;
			for (it = void 0, at++; n !== void 0;) {
				var r = n.u;
				if (n.u = void 0, n.f &= -3, !(8 & n.f) && dt(n)) try {
					n.c();
				} catch (n) {
					t ||= (e = n, !0);
				}
				n = r;
			}
		}
		if (at = 0, B--, t) throw e;
	}
}
function tt(e) {
	if (B > 0) return e();
	st = ++ot, B++;
	try {
		return e();
	} finally {
		et();
	}
}
var nt, z = void 0;
function rt(e) {
	var t = z, n = nt;
	z = void 0, nt = void 0;
	try {
		return e();
	} finally {
		z = t, nt = n;
	}
}
var it = void 0, B = 0, at = 0, ot = 0, st = 0, ct = void 0, lt = 0;
function ut(e) {
	if (z !== void 0) {
		var t = e.n;
		if (t === void 0 || t.t !== z) return t = {
			i: 0,
			S: e,
			p: z.s,
			n: void 0,
			t: z,
			e: void 0,
			x: void 0,
			r: t
		}, z.s !== void 0 && (z.s.n = t), z.s = t, e.n = t, 32 & z.f && e.S(t), t;
		if (t.i === -1) return t.i = 0, t.n !== void 0 && (t.n.p = t.p, t.p !== void 0 && (t.p.n = t.n), t.p = z.s, t.n = void 0, z.s.n = t, z.s = t), t;
	}
}
function V(e, t) {
	this.v = e, this.i = 0, this.n = void 0, this.t = void 0, this.l = 0, this.W = t?.watched, this.Z = t?.unwatched, this.name = t?.name;
}
V.prototype.brand = $e, V.prototype.h = function() {
	return !0;
}, V.prototype.S = function(e) {
	var t = this, n = this.t;
	n !== e && e.e === void 0 && (e.x = n, this.t = e, n === void 0 ? rt(function() {
		var e;
		(e = t.W) == null || e.call(t);
	}) : n.e = e);
}, V.prototype.U = function(e) {
	var t = this;
	if (this.t !== void 0) {
		var n = e.e, r = e.x;
		n !== void 0 && (n.x = r, e.e = void 0), r !== void 0 && (r.e = n, e.x = void 0), e === this.t && (this.t = r, r === void 0 && rt(function() {
			var e;
			(e = t.Z) == null || e.call(t);
		}));
	}
}, V.prototype.subscribe = function(e) {
	var t = this;
	return _t(function() {
		var n = t.value;
		rt(function() {
			return e(n);
		});
	}, { name: "sub" });
}, V.prototype.valueOf = function() {
	return this.value;
}, V.prototype.toString = function() {
	return this.value + "";
}, V.prototype.toJSON = function() {
	return this.value;
}, V.prototype.peek = function() {
	var e = this;
	return rt(function() {
		return e.value;
	});
}, Object.defineProperty(V.prototype, "value", {
	get: function() {
		var e = ut(this);
		return e !== void 0 && (e.i = this.i), this.v;
	},
	set: function(e) {
		if (e !== this.v) {
			if (at > 100) throw Error("Cycle detected");
			(function(e) {
				B !== 0 && at === 0 && e.l !== st && (e.l = st, ct = {
					S: e,
					v: e.v,
					i: e.i,
					o: ct
				});
			})(this), this.v = e, this.i++, lt++, B++;
			try {
				for (var t = this.t; t !== void 0; t = t.x) t.t.N();
			} finally {
				et();
			}
		}
	}
});
function H(e, t) {
	return new V(e, t);
}
function dt(e) {
	for (var t = e.s; t !== void 0; t = t.n) if (t.S.i !== t.i || !t.S.h() || t.S.i !== t.i) return !0;
	return !1;
}
function ft(e) {
	for (var t = e.s; t !== void 0; t = t.n) {
		var n = t.S.n;
		if (n !== void 0 && (t.r = n), t.S.n = t, t.i = -1, t.n === void 0) {
			e.s = t;
			break;
		}
	}
}
function pt(e) {
	for (var t = e.s, n = void 0; t !== void 0;) {
		var r = t.p;
		t.i === -1 ? (t.S.U(t), r !== void 0 && (r.n = t.n), t.n !== void 0 && (t.n.p = r)) : n = t, t.S.n = t.r, t.r !== void 0 && (t.r = void 0), t = r;
	}
	e.s = n;
}
function U(e, t) {
	V.call(this, void 0, t), this.x = e, this.s = void 0, this.g = lt - 1, this.f = 4;
}
U.prototype = new V(), U.prototype.h = function() {
	if (this.f &= -3, 1 & this.f) return !1;
	if ((36 & this.f) == 32 || (this.f &= -5, this.g === lt)) return !0;
	if (this.g = lt, this.f |= 1, this.i > 0 && !dt(this)) return this.f &= -2, !0;
	var e = z;
	try {
		ft(this), z = this;
		var t = this.x();
		(16 & this.f || this.v !== t || this.i === 0) && (this.v = t, this.f &= -17, this.i++);
	} catch (e) {
		this.v = e, this.f |= 16, this.i++;
	}
	return z = e, pt(this), this.f &= -2, !0;
}, U.prototype.S = function(e) {
	if (this.t === void 0) {
		this.f |= 36;
		for (var t = this.s; t !== void 0; t = t.n) t.S.S(t);
	}
	V.prototype.S.call(this, e);
}, U.prototype.U = function(e) {
	if (this.t !== void 0 && (V.prototype.U.call(this, e), this.t === void 0)) {
		this.f &= -33;
		for (var t = this.s; t !== void 0; t = t.n) t.S.U(t);
	}
}, U.prototype.N = function() {
	if (!(2 & this.f)) {
		this.f |= 6;
		for (var e = this.t; e !== void 0; e = e.x) e.t.N();
	}
}, Object.defineProperty(U.prototype, "value", { get: function() {
	if (1 & this.f) throw Error("Cycle detected");
	var e = ut(this);
	if (this.h(), e !== void 0 && (e.i = this.i), 16 & this.f) throw this.v;
	return this.v;
} });
function W(e, t) {
	return new U(e, t);
}
function mt(e) {
	var t = e.j;
	if (e.j = void 0, typeof t == "function") {
		B++;
		var n = z;
		z = void 0;
		try {
			t();
		} catch (t) {
			throw e.f &= -2, e.f |= 8, ht(e), t;
		} finally {
			z = n, et();
		}
	}
}
function ht(e) {
	for (var t = e.s; t !== void 0; t = t.n) t.S.U(t);
	e.x = void 0, e.s = void 0, mt(e);
}
function gt(e) {
	if (z !== this) throw Error("Out-of-order effect");
	pt(this), z = e, this.f &= -2;
	try {
		8 & this.f && ht(this);
	} finally {
		et();
	}
}
function G(e, t) {
	this.x = e, this.j = void 0, this.s = void 0, this.u = void 0, this.f = 32, this.name = t?.name, nt && nt.push(this);
}
G.prototype.c = function() {
	var e = this.S();
	try {
		if (8 & this.f || this.x === void 0) return;
		var t = this.x();
		typeof t == "function" && (this.j = t);
	} finally {
		e();
	}
}, G.prototype.S = function() {
	if (1 & this.f) throw Error("Cycle detected");
	this.f |= 1, this.f &= -9, mt(this), ft(this), B++;
	var e = z;
	return z = this, gt.bind(this, e);
}, G.prototype.N = function() {
	2 & this.f || (this.f |= 2, this.u = it, it = this);
}, G.prototype.d = function() {
	this.f |= 8, 1 & this.f || ht(this);
}, G.prototype.dispose = function() {
	this.d();
};
function _t(e, t) {
	var n = new G(e, t);
	try {
		n.c();
	} catch (e) {
		throw n.d(), e;
	}
	var r = n.d.bind(n);
	return r[Symbol.dispose] = r, r;
}
// node_modules/@preact/signals/dist/signals.module.js
var vt, yt, bt = typeof window < "u" && !!window.__PREACT_SIGNALS_DEVTOOLS__, xt = [];
_t(function() {
	vt = this.N;
})();
function K(t, n) {
	e[t] = n.bind(null, e[t] || function() {});
}
function St(e) {
	if (yt) {
		var t = yt;
		yt = void 0, t();
	}
	yt = e && e.S();
}
function Ct(e) {
	var t = this, r = e.data, i = Tt(r);
	i.name = "ReactiveDom", i.value = r;
	var a = De(function() {
		for (var e = t, r = t.__v; r = r.__;) if (r.__c) {
			r.__c.__$f |= 4;
			break;
		}
		var a = W(function() {
			var e = i.value.value;
			return e === 0 ? 0 : !0 === e ? "" : e || "";
		}), o = W(function() {
			return !Array.isArray(a.value) && !n(a.value);
		}), s = _t(function() {
			if (this.N = Ot, o.value) {
				var t = a.value;
				e.__v && e.__v.__e && e.__v.__e.nodeType === 3 && (e.__v.__e.data = t);
			}
		}), c = t.__$u.d;
		return t.__$u.d = function() {
			s(), c.call(this);
		}, [o, a];
	}, []), o = a[0], s = a[1];
	return o.value ? s.peek() : s.value;
}
Ct.displayName = "ReactiveTextNode", Object.defineProperties(V.prototype, {
	constructor: {
		configurable: !0,
		value: y(x, null).constructor
	},
	type: {
		configurable: !0,
		value: Ct
	},
	props: {
		configurable: !0,
		get: function() {
			var e = this;
			return { data: { get value() {
				return e.value;
			} } };
		}
	},
	__b: {
		configurable: !0,
		value: 1
	}
}), K("__b", function(e, t) {
	if (St(), typeof t.type == "string") {
		var n, r = t.props;
		for (var i in r) if (i !== "children") {
			var a = r[i];
			a instanceof V && (n || (t.__np = n = {}), n[i] = a, r[i] = a.peek());
		}
	}
	e(t);
}), K("__r", function(e, t) {
	if (e(t), t.type !== x) {
		St();
		var n, r = t.__c;
		r && (r.__$f &= -2, (n = r.__$u) === void 0 && (r.__$u = n = function(e, t) {
			var n;
			return _t(function() {
				n = this;
			}, { name: t }), n.c = e, n;
		}(function(e) {
			return function() {
				var t;
				bt && ((t = this.y) == null || t.call(this)), e.__$f |= 1, e.setState({});
			};
		}(r), typeof t.type == "function" ? t.type.displayName || t.type.name : ""))), St(n);
	}
}), K("__e", function(e, t, n, r) {
	St(), e(t, n, r);
}), K("diffed", function(e, t) {
	St();
	var n;
	if (typeof t.type == "string" && (n = t.__e)) {
		var r = t.__np, i = t.props, a = n.U;
		if (a) for (var o in a) {
			var s = a[o];
			s === void 0 || r && o in r || (s.d(), a[o] = void 0);
		}
		if (r) for (var c in a || (a = {}, n.U = a), r) {
			var l = a[c], u = r[c];
			l === void 0 ? (l = wt(n, c, u, i), a[c] = l) : l.o(u, i);
		}
	}
	e(t);
});
function wt(e, t, n, r) {
	var i = t in e && e.ownerSVGElement === void 0, a = H(n);
	return {
		o: function(e, t) {
			a.value = e, r = t;
		},
		d: _t(function() {
			this.N = Ot;
			var n = a.value.value;
			r[t] !== n && (r[t] = n, i ? e[t] = n : n != null && (!1 !== n || t[4] === "-") ? e.setAttribute(t, n) : e.removeAttribute(t));
		})
	};
}
K("unmount", function(e, t) {
	if (typeof t.type == "string") {
		var n = t.__e;
		if (n) {
			var r = n.U;
			if (r) for (var i in n.U = void 0, r) {
				var a = r[i];
				a && a.d();
			}
		}
		var o = t.__np;
		if (o) {
			var s = t.props;
			for (var c in o) s[c] = o[c];
		}
		t.__np = void 0;
	} else {
		var l = t.__c;
		if (l) {
			l.__$f |= 8;
			var u = l.__$u;
			u && (l.__$u = void 0, u.d());
		}
	}
	e(t);
}), K("__h", function(e, t, n, r) {
	r < 3 && (t.__$f |= 2), e(t, n, r);
}), S.prototype.shouldComponentUpdate = function(e, t) {
	if (this.__R) return !0;
	var n = this.__$u, r = n && n.s !== void 0;
	for (var i in t) return !0;
	if (this.__f || typeof this.u == "boolean" && !0 === this.u) {
		var a = 2 & this.__$f;
		if (!(r || a || 4 & this.__$f) || 1 & this.__$f) return !0;
	} else if (!(r || 4 & this.__$f) || 3 & this.__$f) return !0;
	for (var o in e) if (o !== "__source" && e[o] !== this.props[o]) return !0;
	for (var s in this.props) if (!(s in e)) return !0;
	return !1;
};
function Tt(e, t) {
	return De(function() {
		return H(e, t);
	}, []);
}
var Et = function(e) {
	queueMicrotask(function() {
		queueMicrotask(e);
	});
};
function Dt() {
	tt(function() {
		for (var e; e = xt.shift();) vt.call(e);
	});
}
function Ot() {
	xt.push(this) === 1 && (e.requestAnimationFrame || Et)(Dt);
}
// src/state.ts
var kt = [
	.5,
	1,
	2,
	4,
	8
], q = H(void 0), J = H(0), At = H(null), Y = H(null), X = H(!1), jt = H(1), Mt = H(!1), Nt = H(!1), Pt = H(!1), Ft = H(/* @__PURE__ */ new Set()), It = W(() => Y.value ?? At.value ?? {
	kind: "output",
	step: J.value
}), Z = W(() => {
	let e = It.value;
	return q.value.steps[e.kind === "output" ? e.step : J.value];
}), Lt = W(() => {
	let [e, t] = [It.value, q.value], n = /* @__PURE__ */ new Set();
	if (e.kind === "output" && ((e, t) => {
		for (let r = e.channels[0]; r < e.channels[1]; r++) for (let e of t) n.add(`${r}:${e}`);
	})(Z.value, Be(t, Z.value)), e.kind === "input" && n.add(`${e.channel}:${e.row},${e.column}`), e.kind === "weight") for (let t of zt(Z.value.index[0])) {
		let [r, i] = [t.reads[0][e.row], t.reads[1][e.column]];
		r != null && i != null && n.add(`${t.channels[0] + e.channel}:${r},${i}`);
	}
	return n;
}), Rt = W(() => {
	let [e, t] = [It.value, q.value];
	if (e.kind === "input") return He(t, e.channel, e.row, e.column);
	if (e.kind === "output") return /* @__PURE__ */ new Map([[e.step, []]]);
	let n = Z.value.index[0], r = /* @__PURE__ */ new Map();
	return t.steps.forEach((t, i) => {
		let a = t.window[e.channel]?.[e.row]?.[e.column] ?? null;
		t.index[0] === n && a !== null && r.set(i, []);
	}), r;
});
function zt(e) {
	return q.value.steps.filter((t) => t.index[0] === e);
}
function Q(e) {
	let t = q.value.steps.length;
	J.value = Math.max(0, Math.min(t - 1, e)), At.value = null;
}
function Bt(e) {
	let t = kt.indexOf(jt.value) + e;
	jt.value = kt[Math.max(0, Math.min(kt.length - 1, t))];
}
function Vt(e) {
	Y.value = JSON.stringify(Y.value) === JSON.stringify(e) ? null : e, e.kind === "output" && (J.value = e.step);
}
// src/planes.tsx
var Ht = [
	"R",
	"G",
	"B"
];
function $(e, t) {
	return t === 3 ? Ht[e] : `channel ${e}`;
}
function Ut() {
	let e = q.value, [t, n] = Z.value.channels, r = qe(e.input);
	return /* @__PURE__ */ R("section", {
		class: "panel",
		"aria-labelledby": "input-title",
		children: [/* @__PURE__ */ R("h2", {
			id: "input-title",
			children: "Input"
		}), e.input.map((i, a) => {
			let o = a < t || a >= n;
			return /* @__PURE__ */ R("figure", {
				class: o ? "greyed" : "",
				"data-role": "input-plane",
				children: [e.input.length > 1 && /* @__PURE__ */ R("figcaption", { children: [$(a, e.input.length), o ? " (another group: not connected)" : ""] }), /* @__PURE__ */ R(Qe, {
					label: `input ${e.input.length > 1 ? $(a, e.input.length) : ""}`.trim(),
					rows: Re(e, a).map((e) => e.map((e) => Wt(e, a, r))),
					active: e.transposed ? [0, 0] : [e.padding[0][0], e.padding[1][0]],
					onLeave: Zt
				})]
			}, a);
		})]
	});
}
function Wt(e, t, n) {
	let r = q.value, { row: i, column: a } = e, o = [Ke(e.value, n)], s = Lt.value.has(`${t}:${i},${a}`);
	s && o.push("marked"), e.border && o.push("border");
	let c = e.border ? 0 : r.coverage[i]?.[a] ?? 0;
	!e.border && c === 0 && o.push("unread"), Mt.value && !e.border && o.push(`heat${Gt(c)}`);
	let l = e.border ? "border" : "input";
	return {
		text: Mt.value && !e.border ? `${c}×` : L(e.value),
		label: `${l} row ${i} column ${a}: ${L(e.value)}${s ? ", under the filter" : ""}, read ${c} times`,
		classes: o.join(" "),
		attributes: {
			"data-role": l,
			"data-row": String(i),
			"data-column": String(a)
		},
		...e.border ? {} : Xt({
			kind: "input",
			channel: t,
			row: i,
			column: a
		})
	};
}
function Gt(e) {
	let t = Math.max(1, ...q.value.coverage.flat());
	return Math.round(4 * e / t);
}
function Kt() {
	let e = q.value, t = Z.value, n = It.value, r = qe(t.weights);
	return /* @__PURE__ */ R("section", {
		class: "panel",
		"aria-labelledby": "filter-title",
		children: [
			/* @__PURE__ */ R("h2", {
				id: "filter-title",
				children: ["Filter", e.output.length > 1 ? ` ${t.index[0]}` : ""]
			}),
			t.weights.map((i, a) => /* @__PURE__ */ R("figure", { children: [t.weights.length > 1 && /* @__PURE__ */ R("figcaption", { children: ["for ", $(t.channels[0] + a, e.input.length)] }), /* @__PURE__ */ R(Qe, {
				label: `filter${t.weights.length > 1 ? ` for ${$(t.channels[0] + a, e.input.length)}` : ""}`,
				rows: i.map((e, t) => e.map((e, i) => {
					let o = n.kind === "weight" && n.channel === a && n.row === t && n.column === i;
					return {
						text: L(e),
						label: `weight row ${t} column ${i}: ${L(e)}`,
						classes: `${Ke(e, r)}${o ? " marked" : ""}`,
						attributes: {
							"data-role": "weight",
							"data-row": String(t),
							"data-column": String(i)
						},
						...Xt({
							kind: "weight",
							channel: a,
							row: t,
							column: i
						})
					};
				})),
				onLeave: Zt
			})] }, a)),
			/* @__PURE__ */ R("p", {
				class: "note",
				children: qt()
			})
		]
	});
}
function qt() {
	let e = q.value;
	return e.transposed ? "Transposed: the filter as it lies on the stretched input; dots are holes between its cells." : e.flip ? "Turned by 180° before it is laid on the image: the mathematician's convolution." : "Laid on the image as it is (cross-correlation); flip=True would turn it by 180° first.";
}
function Jt() {
	let e = q.value, t = qe(e.output), n = Z.value.index[0];
	return /* @__PURE__ */ R("section", {
		class: "panel",
		"aria-labelledby": "output-title",
		children: [/* @__PURE__ */ R("h2", {
			id: "output-title",
			children: "Output"
		}), e.output.map((r, i) => /* @__PURE__ */ R("figure", {
			class: i === n ? "" : "aside",
			children: [e.output.length > 1 && /* @__PURE__ */ R("figcaption", { children: ["filter ", i] }), /* @__PURE__ */ R(Qe, {
				label: `output${e.output.length > 1 ? ` of filter ${i}` : ""}`,
				rows: r.map((e, n) => e.map((e, r) => Yt(i, n, r, t))),
				active: i === n ? [Z.value.index[1], Z.value.index[2]] : [0, 0],
				onLeave: Zt
			})]
		}, i))]
	});
}
function Yt(e, t, n, r) {
	let i = q.value, a = (e * i.output[0].length + t) * i.output[0][0].length + n, o = i.output[e][t][n], s = Rt.value.get(a), c = Nt.value && !Ft.value.has(a);
	return {
		text: /* @__PURE__ */ R(x, { children: [c ? "?" : L(o), s?.length ? /* @__PURE__ */ R("small", { children: ["×", s.map(L).join(", ")] }) : null] }),
		label: `output row ${t} column ${n}: ${c ? "hidden" : L(o)}`,
		classes: `${c ? "zero" : Ke(o, r)}${s ? " marked" : ""}${a === J.value ? " current" : ""}`,
		attributes: {
			"data-role": "output",
			"data-row": String(t),
			"data-column": String(n)
		},
		...Xt({
			kind: "output",
			step: a
		})
	};
}
function Xt(e) {
	return {
		onLook: () => {
			At.value = e, e.kind === "output" && !Y.value && (J.value = e.step);
		},
		onPin: () => Vt(e)
	};
}
function Zt() {
	At.value = null;
}
// src/predict.ts
var Qt = 1e-9;
function $t(e, t) {
	let n = Number(e.total);
	return Math.abs(t - n) <= Qt * Math.max(1, Math.abs(n)) ? {
		right: !0,
		text: `Right: ${L(e.total)}.`
	} : {
		right: !1,
		text: `${L(t)} is not it. ${en(e, t - n)}`
	};
}
function en(e, t) {
	let n = (e, t) => Math.abs(e - t) <= Qt * Math.max(1, Math.abs(t));
	for (let r = 0; r < e.window.length; r++) for (let i = 0; i < e.window[r].length; i++) for (let a = 0; a < e.window[r][i].length; a++) {
		let [o, s, c] = [
			e.window[r][i][a],
			e.weights[r][i][a],
			e.products[r][i][a]
		];
		if (typeof o != "number" || typeof s != "number" || typeof c != "number") continue;
		let l = `${L(o)}·${Ge(s)} = ${L(c)} (row ${i}, column ${a} of the window)`;
		if (c !== 0 && n(t, -2 * c)) return `Look at the sign of ${l}.`;
		if (c !== 0 && n(t, -c)) return `One product is missing: ${l}.`;
		if (c !== 0 && n(t, c)) return `One product counts twice: ${l}.`;
		if (o !== c && n(t, o - c)) return `One pixel was not multiplied: ${l}.`;
	}
	return "No single product explains the difference: add them up one row at a time.";
}
// src/arithmetic.tsx
function tn() {
	let e = q.value, t = Z.value, n = Nt.value && !Ft.value.has(e.steps.indexOf(t)), [, r, i] = t.index, a = qe(t.products);
	return /* @__PURE__ */ R("section", {
		class: "panel wide",
		"aria-labelledby": "step-title",
		children: [
			/* @__PURE__ */ R("h2", {
				id: "step-title",
				children: [
					"Step ",
					e.steps.indexOf(t) + 1,
					" of ",
					e.steps.length,
					" · output[",
					e.output.length > 1 ? `${t.index[0]},` : "",
					r,
					",",
					i,
					"]"
				]
			}),
			t.window.map((r, i) => /* @__PURE__ */ R("div", {
				class: "equation",
				children: [
					t.window.length > 1 && /* @__PURE__ */ R("span", {
						class: "name",
						children: $(t.channels[0] + i, e.input.length)
					}),
					/* @__PURE__ */ R(nn, {
						rows: r.map((e) => e.map(L)),
						classes: (e, t) => r[e][t] === null ? "hole" : ""
					}),
					/* @__PURE__ */ R("span", {
						class: "sign",
						children: "×"
					}),
					/* @__PURE__ */ R(nn, {
						rows: t.weights[i].map((e) => e.map(L)),
						classes: () => ""
					}),
					/* @__PURE__ */ R("span", {
						class: "sign",
						children: "="
					}),
					n ? /* @__PURE__ */ R(nn, {
						rows: r.map((e) => e.map(() => "?")),
						classes: () => ""
					}) : /* @__PURE__ */ R(nn, {
						rows: t.products[i].map((e) => e.map(L)),
						classes: (e, n) => Ke(t.products[i][e][n], a)
					}),
					!n && /* @__PURE__ */ R("span", {
						class: "sum",
						children: ["Σ = ", L(t.sums[i])]
					})
				]
			}, i)),
			n ? /* @__PURE__ */ R(on, {}, e.steps.indexOf(t)) : /* @__PURE__ */ R(rn, {}),
			/* @__PURE__ */ R("p", {
				class: "visually-hidden",
				"aria-live": "polite",
				id: "spoken",
				children: n ? `output row ${r} column ${i}: what is the sum?` : an()
			})
		]
	});
}
function nn({ rows: e, classes: t }) {
	return /* @__PURE__ */ R("table", {
		class: "small",
		role: "presentation",
		children: /* @__PURE__ */ R("tbody", { children: e.map((e, n) => /* @__PURE__ */ R("tr", { children: e.map((e, r) => /* @__PURE__ */ R("td", {
			class: t(n, r),
			children: e
		}, r)) }, n)) })
	});
}
function rn() {
	let e = q.value, t = Z.value, n = t.sums.map((n, r) => t.sums.length > 1 ? `${$(t.channels[0] + r, e.input.length)} ${L(n)}` : L(n)), r = t.bias === null ? "" : ` + bias ${Ge(t.bias)}`, i = t.window.flat(2).length > 30;
	return /* @__PURE__ */ R("p", {
		id: "total",
		class: "total",
		children: t.sums.length === 1 && t.bias === null && !i ? Je(t.window[0], t.weights[0], t.sums[0]) : `${n.join(" + ")}${r} = ${L(t.total)}`
	});
}
function an() {
	let e = Z.value, t = e.window.map((t, n) => Je(t, e.weights[n], e.sums[n])), n = e.sums.length > 1 || e.bias !== null ? `; total ${L(e.total)}` : "";
	return `output row ${e.index[1]} column ${e.index[2]}: ${t.join("; ")}${n}`;
}
function on() {
	let [e, t] = Ce("");
	return /* @__PURE__ */ R("form", {
		class: "guess",
		onSubmit: (e) => {
			e.preventDefault();
			let n = new FormData(e.currentTarget).get("guess"), r = Number(String(n).replace("−", "-").replace(",", "."));
			if (String(n).trim() === "" || Number.isNaN(r)) return t("Type a number.");
			let i = $t(Z.value, r);
			t(i.text), i.right && (Ft.value = /* @__PURE__ */ new Set([...Ft.value, q.value.steps.indexOf(Z.value)]));
		},
		children: [
			/* @__PURE__ */ R("label", { children: ["What is the sum? ", /* @__PURE__ */ R("input", {
				name: "guess",
				inputMode: "decimal",
				autocomplete: "off",
				size: 8
			})] }),
			/* @__PURE__ */ R("button", {
				type: "submit",
				children: "Check"
			}),
			/* @__PURE__ */ R("p", {
				id: "verdict",
				role: "status",
				children: e
			})
		]
	});
}
function sn() {
	let e = q.value, t = We(e);
	return /* @__PURE__ */ R("div", {
		class: "formula",
		children: [e.formulas.map((e) => /* @__PURE__ */ R("p", { children: e }, e)), t && /* @__PURE__ */ R("p", {
			id: "never-read",
			children: t
		})]
	});
}
// src/data.ts
function cn(e) {
	let t = JSON.parse(e);
	if (t.version !== 1) throw Error(`this page reads version 1 of an explanation, got ${t.version}`);
	let n = t.input.shape.length === 2, r = (e) => [e], i = (e) => n ? e.map(r) : e, a = (e, t) => n ? [t, e[0]] : [e[0], e[1]];
	return {
		title: t.title,
		transposed: t.operation === "conv_transpose",
		stride: a(t.options.stride, 1),
		padding: a(t.options.padding, [0, 0]),
		mode: t.options.padding_mode,
		fill: t.options.fill,
		dilation: a(t.options.dilation, 1),
		groups: t.options.groups,
		flip: t.options.flip,
		input: i(t.input.values),
		output: i(t.output.values),
		formulas: [...new Set(t.size_formula)],
		coverage: n ? r(t.coverage) : t.coverage,
		steps: t.steps.map((e) => ({
			...e,
			index: n ? [
				e.index[0],
				0,
				e.index[1]
			] : e.index,
			reads: n ? [[0], e.reads[0]] : e.reads,
			window: i(e.window),
			weights: i(e.weights),
			products: i(e.products)
		}))
	};
}
// src/timeline.tsx
var ln = 1e3;
function un() {
	let e = q.value.steps.length, t = X.value, n = jt.value;
	return Te(() => {
		if (!t) return;
		let r = setInterval(() => {
			J.value >= e - 1 ? X.value = !1 : Q(J.value + 1);
		}, ln / n);
		return () => clearInterval(r);
	}, [
		t,
		n,
		e
	]), /* @__PURE__ */ R("nav", {
		class: "timeline",
		"aria-label": "steps",
		children: [
			/* @__PURE__ */ R("button", {
				type: "button",
				onClick: () => Q(J.value - 1),
				"aria-label": "previous step",
				children: "‹"
			}),
			/* @__PURE__ */ R("button", {
				type: "button",
				id: "play",
				onClick: fn,
				children: t ? "Pause" : "Play"
			}),
			/* @__PURE__ */ R("button", {
				type: "button",
				onClick: () => Q(J.value + 1),
				"aria-label": "next step",
				children: "›"
			}),
			/* @__PURE__ */ R("input", {
				type: "range",
				id: "scrub",
				"aria-label": "step",
				min: 1,
				max: e,
				value: J.value + 1,
				"aria-valuetext": `step ${J.value + 1} of ${e}`,
				onInput: (e) => Q(Number(e.currentTarget.value) - 1)
			}),
			/* @__PURE__ */ R("span", {
				class: "speed",
				"aria-live": "off",
				children: [n, "× speed"]
			}),
			/* @__PURE__ */ R(dn, {
				label: "Coverage",
				value: Mt
			}),
			/* @__PURE__ */ R(dn, {
				label: "Predict",
				value: Nt
			}),
			/* @__PURE__ */ R(dn, {
				label: "Help",
				value: Pt
			})
		]
	});
}
function dn({ label: e, value: t }) {
	return /* @__PURE__ */ R("button", {
		type: "button",
		"aria-pressed": t.value,
		onClick: () => t.value = !t.value,
		children: e
	});
}
function fn() {
	let e = q.value.steps.length - 1;
	!X.value && J.value === e && Q(0), X.value = !X.value, Y.value = null;
}
function pn() {
	return Pt.value ? /* @__PURE__ */ R("aside", {
		class: "panel wide",
		id: "help",
		"aria-label": "help",
		children: [/* @__PURE__ */ R("h2", { children: "Keys" }), /* @__PURE__ */ R("dl", { children: [
			/* @__PURE__ */ R("dt", { children: "← →" }),
			/* @__PURE__ */ R("dd", { children: "previous and next step; inside a grid the arrows walk from cell to cell" }),
			/* @__PURE__ */ R("dt", { children: "space" }),
			/* @__PURE__ */ R("dd", { children: "play and pause" }),
			/* @__PURE__ */ R("dt", { children: "[ ]" }),
			/* @__PURE__ */ R("dd", { children: "slower and faster" }),
			/* @__PURE__ */ R("dt", { children: "Enter, click" }),
			/* @__PURE__ */ R("dd", { children: "pin what is looked at; Esc lets go" }),
			/* @__PURE__ */ R("dt", { children: "p" }),
			/* @__PURE__ */ R("dd", { children: "predict: the outputs are hidden, type the sum yourself" }),
			/* @__PURE__ */ R("dt", { children: "c" }),
			/* @__PURE__ */ R("dd", { children: "coverage: how often each input cell is read" }),
			/* @__PURE__ */ R("dt", { children: "?" }),
			/* @__PURE__ */ R("dd", { children: "this help" })
		] })]
	}) : null;
}
// src/keys.ts
var mn = {
	ArrowLeft: () => Q(J.value - 1),
	ArrowRight: () => Q(J.value + 1),
	" ": fn,
	"[": () => Bt(-1),
	"]": () => Bt(1),
	p: () => Nt.value = !Nt.value,
	c: () => Mt.value = !Mt.value,
	"?": () => Pt.value = !Pt.value,
	Escape: () => {
		Y.value = null, At.value = null, Pt.value = !1;
	}
};
function hn(e) {
	let t = e.target, n = t.tagName === "INPUT", r = t.tagName === "BUTTON" && e.key === " ";
	if (e.ctrlKey || e.metaKey || e.altKey || n && e.key !== "Escape" || r) return;
	let i = mn[e.key];
	i && (e.preventDefault(), i());
}
// src/main.tsx
function gn() {
	return /* @__PURE__ */ R(x, { children: [
		/* @__PURE__ */ R("header", { children: [/* @__PURE__ */ R("h1", { children: q.value.title }), /* @__PURE__ */ R(sn, {})] }),
		/* @__PURE__ */ R(un, {}),
		/* @__PURE__ */ R("div", {
			class: "planes",
			children: [
				/* @__PURE__ */ R(Ut, {}),
				/* @__PURE__ */ R("span", {
					class: "arrow",
					"aria-hidden": "true",
					children: "→"
				}),
				/* @__PURE__ */ R(Kt, {}),
				/* @__PURE__ */ R("span", {
					class: "arrow",
					"aria-hidden": "true",
					children: "→"
				}),
				/* @__PURE__ */ R(Jt, {})
			]
		}),
		/* @__PURE__ */ R(tn, {}),
		/* @__PURE__ */ R(pn, {})
	] });
}
q.value = cn(document.getElementById("explanation").textContent), document.addEventListener("keydown", hn), P(/* @__PURE__ */ R(gn, {}), document.getElementById("app"));
