"use strict";
document.querySelectorAll(".km").forEach(function (box) {
  var data = JSON.parse(box.dataset.values), svg = box.querySelector("svg"), tip = box.querySelector(".km-tip");
  var cursor = svg.querySelector(".km-cursor"), line = cursor.querySelector("line");
  var dots = cursor.querySelectorAll("circle"), index = 0;
  box.classList.add("km-live");

  function at(arm) {
    var low = 0, high = arm.at.length - 1;
    while (low < high) {
      var middle = (low + high + 1) >> 1;
      if (arm.at[middle][0] <= index) { low = middle; } else { high = middle - 1; }
    }
    return arm.at[low];
  }

  function add(parent, name, text) {
    var made = parent.appendChild(document.createElement(name));
    made.textContent = text;
    return made;
  }

  function show(to) {
    index = Math.max(0, Math.min(data.last, to));
    var x = data.left + index * data.step, table = document.createElement("table");
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    var head = add(table, "tr", "");
    add(head, "th", (index * data.time).toFixed(data.decimals).replace(".", data.mark) + " " + data.unit);
    add(head, "th", data.quantity);
    add(head, "th", "At risk");
    data.arms.forEach(function (arm, i) {
      var now = at(arm), row = add(table, "tr", "");
      add(row, "th", arm.name).style.borderColor = arm.colour;
      add(row, "td", now[2]);
      add(row, "td", now[3]);
      dots[i].setAttribute("visibility", now[1] === null ? "hidden" : "inherit");
      dots[i].setAttribute("cx", x);
      dots[i].setAttribute("cy", now[1] === null ? 0 : now[1]);
    });
    tip.replaceChildren(table);
    tip.hidden = false;
    cursor.setAttribute("visibility", "visible");
    var place = x * svg.clientWidth / data.width, room = box.clientWidth - tip.offsetWidth;
    tip.style.left = Math.max(0, place + 12 <= room ? place + 12 : Math.min(room, place - 12 - tip.offsetWidth)) + "px";
  }

  function hide() {
    tip.hidden = true;
    cursor.setAttribute("visibility", "hidden");
  }

  function point(event) {
    var frame = svg.getBoundingClientRect();
    show(Math.round(((event.clientX - frame.left) * data.width / frame.width - data.left) / data.step));
  }

  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointerleave", function (event) { if (event.pointerType === "mouse") { hide(); } });
  box.addEventListener("focus", function () { if (tip.hidden) { show(index); } });
  box.addEventListener("blur", hide);
  box.addEventListener("keydown", function (event) {
    var stride = event.shiftKey ? 1 : Math.max(1, Math.round(data.last / 60));
    var to = { ArrowLeft: index - stride, ArrowRight: index + stride, Home: 0, End: data.last }[event.key];
    if (to !== undefined) { show(to); event.preventDefault(); }
    if (event.key === "Escape") { hide(); }
  });
});
